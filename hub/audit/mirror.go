package audit

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Mirror keeps what it is given beyond the hub's disk, the newest last. It is safe for concurrent use.
type Mirror interface {
	// Put returns when what it is given is on disk.
	Put(ctx context.Context, sealed []byte) error
	// Newest is what was put last; nil if there is nothing.
	Newest(ctx context.Context) (sealed []byte, err error)
	// All gives everything there is, the oldest first.
	All(ctx context.Context) (sealed [][]byte, err error)
}

// Cover seals entries for a Mirror, which others may read. The zero value opens nothing.
type Cover struct{ keys []cipher.AEAD } // the current one first

// CoverOf derives it from the secrets of a fleet: the current one, and former ones.
func CoverOf(secrets ...[]byte) (Cover, error) {
	var c Cover
	for _, secret := range secrets {
		if len(secret) == 0 {
			continue
		}
		key, err := hkdf.Key(sha256.New, secret, nil, "drover hub decisions v1", 32)
		if err != nil {
			return c, err
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return c, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return c, err
		}
		c.keys = append(c.keys, aead)
	}
	return c, nil
}

func (c Cover) seal(line []byte) ([]byte, error) {
	if len(c.keys) == 0 {
		return nil, errors.New("there is no key to seal the journal of decisions with")
	}
	nonce := make([]byte, c.keys[0].NonceSize(), c.keys[0].NonceSize()+len(line)+c.keys[0].Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand
	return c.keys[0].Seal(nonce, nonce, line, nil), nil
}

// open gives an entry that was sealed, as a line and read; is says whether it could be opened.
func (c Cover) open(sealed []byte) (line []byte, e Entry, is bool) {
	for _, key := range c.keys {
		if n := key.NonceSize(); len(sealed) > n {
			if line, err := key.Open(nil, sealed[:n], sealed[n:], nil); err == nil {
				return line, e, json.Unmarshal(line, &e) == nil
			}
		}
	}
	return nil, e, false
}

// Compare holds the journal against its mirror. Doubt says in which way the mirror has decisions that the journal has
// not: the store is older than the fleet then, or was lost. Where they follow from what the journal has, they are taken
// over from the mirror. "" is that nothing newer is known.
func (j *Journal) Compare(ctx context.Context) (doubt string, err error) {
	if j == nil {
		return "", nil
	}
	if doubt, err = j.against(ctx, j.mirror, j.cover); err == nil && j.broken != "" {
		doubt = "the journal of decisions in the store of this hub is damaged: " + j.broken
	}
	return doubt, err
}

// Attach names the mirror. It is called before the journal is used.
func (j *Journal) Attach(m Mirror, c Cover) { j.mirror, j.cover = m, c }

func (j *Journal) against(ctx context.Context, m Mirror, c Cover) (doubt string, err error) {
	if m == nil {
		return "", nil
	}
	newest, err := m.Newest(ctx)
	if err != nil {
		return "", fmt.Errorf("read the copy of the journal of decisions on NATS: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if newest == nil {
		j.copied, j.compare = j.anchor.Seq, true
		return "", nil
	}
	line, e, is := c.open(newest)
	switch {
	case !is:
		doubt = "the newest decision on NATS was sealed with keys that this hub has not"
	case e.Seq <= j.anchor.Seq && len(j.kept) > 0:
	case e.Seq <= j.head.Seq:
		mine, err := j.hashOf(e.Seq)
		if err != nil {
			return "", err
		}
		if mine != e.Hash {
			doubt = fmt.Sprintf("decision %d on NATS, of %s, is another one than this hub's", e.Seq,
				e.Time.Format(time.RFC3339))
		}
	default:
		doubt = fmt.Sprintf("the decisions on NATS go on to number %d, of %s, and the store of this hub ends with number %d",
			e.Seq, e.Time.Format(time.RFC3339), j.head.Seq)
		if err := j.adopt(ctx, m, c, chained{e.mark(), line}); err != nil {
			return "", err
		}
	}
	switch {
	case doubt == "":
		j.copied = max(e.Seq, j.anchor.Seq)
	case j.head.Hash == e.Hash:
		j.copied = e.Seq
	default: // the mirror has another chain: this one comes behind it as a whole
		j.copied = j.anchor.Seq
	}
	j.compare = true
	return doubt, nil
}

// adopt takes entries up to the newest one over from the mirror, if they follow from what there is, or if there is
// nothing. mu is held.
func (j *Journal) adopt(ctx context.Context, m Mirror, c Cover, newest chained) error {
	all, err := m.All(ctx)
	if err != nil {
		return fmt.Errorf("read the copy of the journal of decisions on NATS: %w", err)
	}
	type link struct {
		chained
		prev string
	}
	byHash := map[string]link{}
	for _, sealed := range all {
		line, e, is := c.open(sealed)
		if !is {
			continue
		}
		if again, err := follow(Mark{e.Seq - 1, e.Prev}, line); err == nil {
			byHash[e.Hash] = link{chained{again.mark(), line}, e.Prev}
		}
	}
	var found []chained
	at, has := byHash[newest.Hash]
	for has && len(found) < len(byHash) && at.Hash != j.head.Hash {
		found = append(found, at.chained)
		prev := at.prev
		if prev == j.head.Hash {
			slices.Reverse(found)
			return j.put(j.anchor, found)
		}
		at, has = byHash[prev]
	}
	if len(j.kept) > 0 || len(found) == 0 {
		return nil
	}
	slices.Reverse(found)
	var first Entry
	if err := json.Unmarshal(found[0].line, &first); err != nil {
		return err
	}
	return j.put(Anchor{Mark{first.Seq - 1, first.Prev}, time.Now().UTC()}, found)
}

// Copy brings the mirror up to date, now and whenever there is more, until ctx is done. It begins when the two were
// compared.
func (j *Journal) Copy(ctx context.Context, log *slog.Logger) {
	if j == nil || j.mirror == nil {
		return
	}
	const pause = 5 * time.Second
	said := false
	for {
		err := j.copy(ctx, j.mirror, j.cover)
		if err != nil && !said && ctx.Err() == nil {
			log.Warn("the journal of decisions cannot be copied to NATS now; retrying. It is in the hub's store", "err", err)
		}
		said = err != nil
		var again <-chan time.Time
		if err != nil {
			again = time.After(pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-j.news:
		case <-again:
		}
	}
}

// Copied is the number of the entry up to which the mirror has all, as far as is known.
func (j *Journal) Copied() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.copied
}

// copy gives the mirror what it lacks.
func (j *Journal) copy(ctx context.Context, m Mirror, c Cover) error {
	j.mu.Lock()
	from, ready, head := j.copied+1, j.compare, j.head.Seq
	j.mu.Unlock()
	for seq := from; ready && seq <= head; seq++ {
		line, err := j.store.Get(keyOf(seq))
		if err != nil {
			return err
		}
		if line != nil { // else it was cut off meanwhile
			sealed, err := c.seal(line)
			if err != nil {
				return err
			}
			if err := m.Put(ctx, sealed); err != nil {
				return err
			}
		}
		j.mu.Lock()
		j.copied = max(j.copied, seq)
		j.mu.Unlock()
	}
	return nil
}
