// Package unlock has what apps are rendered with where the hub holds the keys for it: values of objects that are
// encrypted
// in the repository. The hub goes on to know an app by a render without them, with tokens in their place (package
// opaque):
// names, claims, what it declares and what people are shown follow from that one, and a blob with the values is made
// beside it, for one cluster, and read by nobody but its agent.
//
// It is pure. It may import fleet/opaque, hub/model, hub/opaque and protocol.
package unlock
