package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/drover-dev/drover/hub/nats/files"
)

// boundaryFile is where the boundary is kept, beside the keys: it goes with them into a backup.
const boundaryFile = "bounded.json"

// boundary tells credentials whose JWTs bound what they may send from those of an older release, which do not.
type boundary struct {
	// Since is when the first hub that bounds them started; zero if there was none before.
	Since time.Time `json:"since,omitzero"`
	Ended time.Time `json:"ended,omitzero"` // when a person ended those of the older release
}

// former says whether a credential or token that was issued by an older release.
func (b boundary) former(issued time.Time) bool {
	return !b.Since.IsZero() && !issued.Truncate(time.Second).After(b.Since)
}

// openBoundary reads the boundary, and draws it where there is none.
func openBoundary(keysDir string, used bool, now time.Time) (b boundary, err error) {
	file := filepath.Join(keysDir, boundaryFile)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if used {
			b.Since = now.UTC().Add(-time.Second).Truncate(time.Second) // JWTs have seconds
		}
		return b, files.SaveJSON(file, b)
	}
	if err == nil {
		err = json.Unmarshal(data, &b)
	}
	if err != nil {
		return b, fmt.Errorf("%s cannot be read: %w: bring it back from a backup, or remove it: then all agents renew their "+
			"credentials once more", file, err)
	}
	return b, nil
}

func (ids *Identities) bounds() boundary {
	ids.mu.Lock()
	defer ids.mu.Unlock()
	return ids.bounded
}

// isFormer says whether the credential that a cluster's agent uses was issued by an older release.
func (ids *Identities) isFormer(id identity, now time.Time) bool {
	bounds := ids.bounds()
	c, ok := id.current()
	return ok && c.live(now) && bounds.Ended.IsZero() && bounds.former(c.Issued)
}

// EndFormer implements hub.Identities.
func (ids *Identities) EndFormer(force bool) ([]string, error) {
	left, next := ids.those(ids.isFormer), ids.bounds()
	if next.Ended.IsZero() {
		next.Ended = time.Now().UTC().Truncate(time.Second)
	}
	if len(left) > 0 && !force {
		return left, nil
	}
	for _, cluster := range ids.Clusters() {
		if err := ids.endFormer(cluster); err != nil {
			return left, err
		}
	}
	for _, t := range ids.formerTokens() {
		t.Revoked = next.Ended
		if err := ids.saveToken(t); err != nil {
			return left, err
		}
	}
	if err := files.SaveJSON(filepath.Join(ids.keys.Dir(), boundaryFile), next); err != nil {
		return left, err
	}
	ids.mu.Lock()
	ids.bounded = next
	ids.mu.Unlock()
	if err := ids.cuts.cut(); err != nil {
		return left, fmt.Errorf("the credentials of the older release are ended, but the NATS servers do not know it "+
			"yet: %w", err)
	}
	return left, nil
}

// endFormer revokes the credentials of an older release that a cluster has. Each is named to the servers: revoking all
// that were issued up to a time would end those of leaf nodes.
func (ids *Identities) endFormer(cluster string) error {
	_, err := ids.edit(cluster, func(id *identity, now time.Time) error {
		id.Credentials = slices.DeleteFunc(id.Credentials, func(c credential) bool {
			if !ids.bounds().former(c.Issued) {
				return false
			}
			id.ban(c)
			id.retire(c, now)
			return true
		})
		if _, has := id.credential(id.Current); !has {
			id.Current = ""
		}
		return nil
	})
	return err
}

// formerTokens are the join tokens of an older release that still connect.
func (ids *Identities) formerTokens() []token {
	now := time.Now()
	return ids.tokens.those(func(t token) bool { return t.Connects.IsZero() && t.end().After(now) })
}
