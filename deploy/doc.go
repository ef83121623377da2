// Package deploy is where the container image, the compose file with three
// sites, Kubernetes manifests, systemd units, dashboards and alerts will live:
// how to run what the other rooms build, and no logic.
package deploy
