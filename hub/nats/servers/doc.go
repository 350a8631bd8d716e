// Package servers speaks with the NATS servers in the system account: it tells them who may connect, and asks them who
// is connected, what goes over the connections and how much they may store.
//
// It may import internal/backoff and the packages keyring, limits, server and streams of the bus. Only hub/nats
// imports it.
package servers
