// Package nats is the bus: the connections to an embedded nats-server or to external ones, what is published and heard
// there, and answering those who ask for credentials.
//
// What agents say is signed by the key of a credential and sealed to the hub: the servers are trusted to deliver, and
// with nothing else. Two packages below have a connection each, and the others know none:
//
//	servers   the NATS servers in the system account: who may connect, who is connected
//	store     what is kept on the streams: bundles and blobs
//	keyring   the hub's secrets, and what they vouch for: certificates, accounts, users
//	identity  who may speak for a cluster: credentials, join tokens
//	server    the embedded nats-server, and the configuration of external ones
//	streams   how streams are set up, and noticing that another client changed them
//	limits    what a client may cost
//	files     writing files whole or not at all
//
// It may import hub, hub/model, protocol and the packages below it.
package nats
