// Package release decides what of a candidate a cluster is given. A candidate is what the newest revision asks of a
// cluster; what is released is what its agent is told. This is the only place where the one becomes the other:
//
//	resolve → candidate → Gate.Release → released → publish
//
// Its rules are pure: they read no clock, no store and no cluster, and get what they judge as arguments. Today a
// candidate is released at once, but for
//
//   - newer content of apps that a person releases, as Applications of Argo CD without automated sync (manual.go);
//   - deletions beyond a limit, which wait for a person (Gate.Release, deletions.Guard);
//   - clusters whose folders are gone together, which wait for a person (Leaving).
//
// It may import fleet and protocol, and nothing of hub.
package release
