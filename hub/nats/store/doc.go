// Package store is what the hub keeps on the streams of NATS: bundles and blobs, with what it says of them in headers.
// It makes the streams, and notices what another client changed there.
//
// It may import hub, hub/model, protocol and the package streams of the bus. Only hub/nats imports it.
package store
