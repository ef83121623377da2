// Package pki is the cluster's certificate authority and the certificates that it issues.
//
// Every cluster has one authority. What a certificate is for is written in one URI subject alternative name,
// quorate://CLUSTER/ROLE/NAME, and nowhere else: the common name is decoration. A certificate whose URI names another cluster, or
// another role, is worth nothing here even if the authority's key were shared by mistake.
package pki
