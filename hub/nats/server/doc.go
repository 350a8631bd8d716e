// Package server is the nats-server that the hub embeds, and the configuration of external ones (Files): alone, as a
// cluster, or as the leaf node of a far site.
//
// Every client on the network needs TLS. Certificates come from an authority that the hub makes with its other keys,
// or are the user's own.
//
// It may import hub/nats/keyring and hub/nats/limits.
package server
