package revert

import (
	"bytes"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
	"github.com/go-git/go-git/v5/storage/memory"
)

// overlay are the objects of a repository, which is not written to, and new ones beside them.
type overlay struct {
	storer.EncodedObjectStorer
	fresh *memory.Storage
}

func layOver(below storer.EncodedObjectStorer) *overlay { return &overlay{below, memory.NewStorage()} }

// EncodedObject implements storer.EncodedObjectStorer.
func (o *overlay) EncodedObject(t plumbing.ObjectType, h plumbing.Hash) (plumbing.EncodedObject, error) {
	if found, err := o.fresh.EncodedObject(t, h); err == nil {
		return found, nil
	}
	return o.EncodedObjectStorer.EncodedObject(t, h)
}

// put adds an object, unless it is there.
func (o *overlay) put(what object.Object) (plumbing.Hash, error) {
	enc := o.fresh.NewEncodedObject()
	if err := what.Encode(enc); err != nil {
		return plumbing.ZeroHash, err
	}
	return o.add(enc)
}

func (o *overlay) add(enc plumbing.EncodedObject) (plumbing.Hash, error) {
	if o.HasEncodedObject(enc.Hash()) == nil {
		return enc.Hash(), nil
	}
	return o.fresh.SetEncodedObject(enc)
}

// blob adds a file.
func (o *overlay) blob(text string) (plumbing.Hash, error) {
	enc := o.fresh.NewEncodedObject()
	enc.SetType(plumbing.BlobObject)
	w, err := enc.Writer()
	if err != nil {
		return plumbing.ZeroHash, err
	}
	if _, err := io.WriteString(w, text); err != nil {
		return plumbing.ZeroHash, err
	}
	return o.add(enc)
}

// text is a file of lines; "" if it is none, or too large to be merged.
func (o *overlay) text(h plumbing.Hash) (string, error) {
	b, err := object.GetBlob(o, h)
	if err != nil {
		return "", fmt.Errorf("read the file %s: %w", h, err)
	}
	if b.Size > maxMerged {
		return "", nil
	}
	r, err := b.Reader()
	if err != nil {
		return "", err
	}
	defer func() { _ = r.Close() }()
	data, err := io.ReadAll(io.LimitReader(r, maxMerged+1))
	if err != nil || len(data) > maxMerged || bytes.IndexByte(data, 0) >= 0 {
		return "", err
	}
	return string(data), nil
}

// new are the hashes of what was added, sorted.
func (o *overlay) new() (out []plumbing.Hash) {
	for h := range o.fresh.Objects {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b plumbing.Hash) int { return bytes.Compare(a[:], b[:]) })
	return out
}

// pack is what was added, as it is sent.
func (o *overlay) pack() ([]byte, error) {
	var out bytes.Buffer
	_, err := packfile.NewEncoder(&out, o.fresh, false).Encode(o.new(), 0)
	return out.Bytes(), err
}
