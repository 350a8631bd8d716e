package content

import (
	"strings"

	"github.com/drover-dev/drover/protocol"
)

// Digests remembers digests of apps that are delivered without more than the usual, which many clusters share: to find
// one is ten times as quick as to compute it. The zero value is ready, and not safe for concurrent use.
type Digests struct{ known map[plain]string }

// plain is all that Digest is made of, of an app that has nothing else.
type plain struct {
	name, parent, namespace, account, blob, needs string
	timeout                                       int
	prune, orphan, recreate, keepDrift, rendered  bool
}

// maxDigests bounds how many digests are remembered.
const maxDigests = 50_000

// Of is the Digest of an app.
func (d *Digests) Of(a *protocol.App) string {
	if a.Rollback != nil {
		other := Lasting(*a)
		a = &other
	}
	if !IsPlain(a) {
		return Digest(*a)
	}
	p := plain{name: a.Name, parent: a.Parent, namespace: a.Namespace, account: a.ServiceAccount,
		needs: strings.Join(a.Needs, "\x00"), timeout: a.Timeout, prune: a.Prune, orphan: a.Orphan, recreate: a.Recreate,
		keepDrift: a.KeepDrift}
	if a.Blob != nil {
		p.blob, p.rendered = a.Blob.Digest, true
	}
	digest, is := d.known[p]
	if is {
		return digest
	}
	if d.known == nil || len(d.known) >= maxDigests {
		d.known = map[plain]string{}
	}
	digest = Digest(*a)
	d.known[p] = digest
	return digest
}
