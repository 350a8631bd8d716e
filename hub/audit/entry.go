package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/drover-dev/drover/hub/people"
)

// Entry is one decision.
type Entry struct {
	Seq    uint64      `json:"seq"` // rises by 1
	Time   time.Time   `json:"time"`
	Kind   string      `json:"kind"`         // as release, approve, halt
	By     *people.Who `json:"by,omitempty"` // nil: the hub, by a rule
	Policy string      `json:"policy,omitempty"`
	Wave   string      `json:"wave,omitempty"`
	Target string      `json:"target,omitempty"` // a commit, or what else is decided on
	Rule   string      `json:"rule,omitempty"`   // that allowed a release
	Why    string      `json:"why,omitempty"`    // the reason that was given
	What   string      `json:"what,omitempty"`   // what follows, in words
	Until  time.Time   `json:"until,omitzero"`
	Count  int         `json:"count,omitempty"` // of clusters
	// Clusters are their names, sorted, and Apps the digest of what each app of theirs is to be.
	Clusters []string          `json:"clusters,omitempty"`
	Apps     map[string]string `json:"apps,omitempty"`
	Prev     string            `json:"prev"` // Hash of the entry before
	Hash     string            `json:"hash"` // of all of the above
}

// Limits of an entry. What is longer is cut, and says so.
const (
	MaxClusters = 500 // a decision on more is several entries
	maxApps     = 100
	maxText     = 2 << 10
	maxLine     = 256 << 10
)

// beginning is what stands for the hash before the first entry.
const beginning = "0000000000000000000000000000000000000000000000000000000000000000"

// bounded is an entry with no more than it may have.
func (e Entry) bounded() Entry {
	for _, text := range []*string{&e.Kind, &e.Policy, &e.Wave, &e.Target, &e.Rule, &e.Why, &e.What} {
		if len(*text) > maxText {
			*text = string(bytes.ToValidUTF8([]byte((*text)[:maxText]), nil)) + "…"
		}
	}
	if len(e.Clusters) > MaxClusters {
		e.Clusters = append(e.Clusters[:MaxClusters:MaxClusters], "…")
	}
	if len(e.Apps) > maxApps {
		e.Apps = few(e.Apps)
	}
	return e
}

// chain puts an entry behind the one before, and gives it as it is stored.
func (e Entry) chain(before Mark) (Entry, []byte, error) {
	e = e.bounded()
	e.Seq, e.Prev, e.Time, e.Until = before.Seq+1, before.Hash, e.Time.UTC(), e.Until.UTC()
	data, err := json.Marshal(e)
	if err != nil {
		return e, nil, err
	}
	e = Entry{} // read again: what is no UTF-8 was replaced, so that it is the same whenever it is read
	if err := json.Unmarshal(data, &e); err != nil {
		return e, nil, err
	}
	if e.Hash, err = e.sum(); err != nil {
		return e, nil, err
	}
	line, err := json.Marshal(e)
	if err == nil && len(line) > maxLine {
		err = fmt.Errorf("an entry of %d bytes is longer than the %d that one may have", len(line), maxLine)
	}
	return e, line, err
}

// sum is the hash of an entry: of its JSON without the hash.
func (e Entry) sum() (string, error) {
	e.Hash = ""
	data, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Mark is a place in the chain.
type Mark struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"` // of the entry there
}

// start is the place before the first entry.
var start = Mark{0, beginning}

// follow reads the entry that comes after a place in the chain. An error says in which way it does not fit.
func follow(after Mark, line []byte) (Entry, error) {
	var e Entry
	if len(line) > maxLine {
		return e, fmt.Errorf("it is longer than %d bytes", maxLine)
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("it is no entry: %w", err)
	}
	again, err := json.Marshal(e)
	if err != nil {
		return e, err
	}
	hash, err := e.sum()
	switch {
	case err != nil:
		return e, err
	case e.Seq != after.Seq+1:
		return e, fmt.Errorf("entry %d stands where entry %d is to be: entries are missing, or in another order", e.Seq,
			after.Seq+1)
	case hash != e.Hash:
		return e, errors.New("its hash is not that of its content: it was changed")
	case e.Prev != after.Hash:
		return e, errors.New("it does not follow from the entry before it: one of them was changed or replaced")
	case !bytes.Equal(again, line):
		return e, errors.New("it is not written as the hub writes entries: it was changed")
	}
	return e, nil
}

// mark is the place of an entry.
func (e Entry) mark() Mark { return Mark{e.Seq, e.Hash} }

// few are the first of apps, in order, and how many more there are.
func few(apps map[string]string) map[string]string {
	out := map[string]string{}
	for i, name := range sorted(apps) {
		if i == maxApps {
			out["…"] = fmt.Sprintf("and %d more", len(apps)-maxApps)
			break
		}
		out[name] = apps[name]
	}
	return out
}
