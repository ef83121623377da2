// Package e2e has the end-to-end tests: clusters of three real processes of the
// built binary, used and broken from outside. What they show is what the README
// promises; each test is named after its promise.
package e2e
