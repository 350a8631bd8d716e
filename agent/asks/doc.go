// Package asks answers what people ask of the cluster now: live objects, the objects that an app's objects own, what
// applying the desired state would change, events, and the output of containers. It only reads, a bounded number of
// questions at a time, and knows of apps what they tell of themselves. What must not be shown is masked here, before it
// leaves the cluster.
//
// It may import agent, agent/guard, fleet and protocol.
package asks
