package hub

import (
	"errors"

	"github.com/drover-dev/drover/fleet/query"
)

// A cluster's credential can come into another cluster, with a copy of etcd or a restored backup. The hub remembers the
// uid of kube-system that each cluster had when it joined, names it in the bundles, and believes no other, until a
// person decides.

// ErrNotCopied says that no other cluster with that uid uses a cluster's credential.
var ErrNotCopied = errors.New("no other cluster with this uid uses its credential")

// maxUID is how long the uid of an object may be.
const maxUID = 128

// forgetCopy takes back what is shown of another cluster when its credential is over: the one in use is newer.
func forgetCopy(c *query.Cluster, id Identity) {
	if c.Copy != nil && (id.Issued.After(c.Copy.Heard) || !id.Revoked.IsZero()) {
		c.Copy = nil
	}
}

// settle remembers which cluster a credential belongs to, if that is not known yet.
func settle(places Places, cluster, uid string) error {
	if places.Place(cluster) != "" {
		return nil
	}
	return places.Settle(cluster, uid)
}

// introduce brings up to date what is shown of a cluster's identity.
func introduce(identities Credentials, c *query.Cluster) {
	_, c.Joined = identities.OpenKey(c.Name)
	id := identities.Identity(c.Name)
	c.Expires, c.Revoked = id.Expires, !id.Revoked.IsZero()
	forgetCopy(c, id)
}
