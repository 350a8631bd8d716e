package audit

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// format is how an export says what it is.
const format = "drover.dev/audit/v1"

// begins is the first line of an export.
type begins struct {
	Format string `json:"format"`
	After  Anchor `json:"after"` // the place before the first entry
}

// Seal is the last line of an export: the hub's word on where the chain begins and ends.
type Seal struct {
	Time       time.Time   `json:"time"`
	After      Anchor      `json:"after"`
	Head       Mark        `json:"head"`
	Signatures []Signature `json:"signatures"`
}

// Signature is that of one key, in Ed25519.
type Signature struct {
	Key string `json:"key"` // the public one, in base64
	Sum string `json:"sum"` // the signature, in base64
}

// end is the last line of an export.
type end struct {
	Seal *Seal `json:"seal"`
}

// sealed is a seal with the signatures of all keys.
func sealed(s Seal, signers []ed25519.PrivateKey) end {
	for _, key := range signers {
		s.Signatures = append(s.Signatures, Signature{
			Key: base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)),
			Sum: base64.StdEncoding.EncodeToString(ed25519.Sign(key, s.signed()))})
	}
	return end{&s}
}

// signed is what keys sign.
func (s Seal) signed() []byte {
	s.Signatures = nil
	data, err := json.Marshal(s)
	if err != nil {
		panic("audit: a seal that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	return append([]byte("drover audit seal v1\n"), data...)
}

// KeyID names a key for people: the first 16 hexadecimal digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:8])
}

// Checked is what an export was found to be.
type Checked struct {
	Entries int
	After   Anchor // the place before the first entry
	Head    Mark
	Sealed  time.Time
	Keys    []string // KeyIDs of those that signed it
}

// ErrBroken says that a journal is not as a hub wrote it. Its text says where.
var ErrBroken = errors.New("the journal does not verify")

// maxSeal is how long the first and the last line may be, and maxLines how many there may be.
const (
	maxSeal  = 64 << 10
	maxLines = 10_000_000
)

// Verify reads an export, and gives each entry to see, which may be nil. An error that wraps ErrBroken names the first
// entry that does not fit. trusted are the ids of keys of which one has to have signed it; none is any.
func Verify(r io.Reader, trusted []string, see func(Entry)) (out Checked, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	line, err := next(lines)
	if err != nil {
		return out, broken("its first line cannot be read: %w", err)
	}
	var first begins
	if err := strictly(line, &first); err != nil || first.Format != format {
		return out, broken("its first line is not that of an export of this format (%s): it was changed, or is something "+
			"else", format)
	}
	out.After, out.Head = first.After, first.After.Mark
	for range maxLines {
		line, err := next(lines)
		if err != nil {
			return out, broken("it ends after entry %d without the hub's seal: entries are missing at its end", out.Head.Seq)
		}
		if bytes.HasPrefix(line, []byte(`{"seal":`)) {
			if err := out.end(line, first, trusted); err != nil {
				return out, err
			}
			if _, err := lines.ReadByte(); !errors.Is(err, io.EOF) {
				return out, broken("something follows the hub's seal after entry %d", out.Head.Seq)
			}
			return out, nil
		}
		e, err := follow(out.Head, line)
		if err != nil {
			return out, broken("entry %d: %w", out.Head.Seq+1, err)
		}
		if see != nil {
			see(e)
		}
		out.Head, out.Entries = e.mark(), out.Entries+1
	}
	return out, broken("it has more than %d entries", maxLines)
}

// end verifies the seal.
func (c *Checked) end(line []byte, first begins, trusted []string) error {
	var last end
	if err := strictly(line, &last); err != nil || last.Seal == nil {
		return broken("the hub's seal after entry %d cannot be read: it was changed", c.Head.Seq)
	}
	s := *last.Seal
	switch {
	case s.Head != c.Head:
		return broken("the hub's seal is for a chain that ends with entry %d, and this one ends with entry %d: entries "+
			"are missing, or were added or changed", s.Head.Seq, c.Head.Seq)
	case s.After != first.After:
		return broken("the hub's seal is for a chain that begins after entry %d, and this one begins after entry %d, or "+
			"was changed there", s.After.Seq, first.After.Seq)
	case len(s.Signatures) == 0 || len(s.Signatures) > 16:
		return broken("the hub's seal after entry %d has %d signatures", c.Head.Seq, len(s.Signatures))
	}
	for _, sig := range s.Signatures {
		key, err := exact.DecodeString(sig.Key)
		sum, err2 := exact.DecodeString(sig.Sum)
		if err != nil || err2 != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, s.signed(), sum) {
			return broken("the hub's seal after entry %d has a signature that does not verify: it was changed", c.Head.Seq)
		}
		c.Keys = append(c.Keys, KeyID(key))
	}
	c.Sealed = s.Time
	if len(trusted) > 0 && !slices.ContainsFunc(trusted, func(id string) bool { return slices.Contains(c.Keys, id) }) {
		return broken("it was signed with the key %s, and with none that is to be trusted", c.Keys[0])
	}
	return nil
}

// exact reads base64 of which every bit counts; otherwise some of those of the last character do not.
var exact = base64.StdEncoding.Strict()

// strictly reads a line that is written as the hub writes it, to the byte.
func strictly(line []byte, into any) error {
	if err := json.Unmarshal(line, into); err != nil {
		return err
	}
	again, err := json.Marshal(into)
	if err == nil && !bytes.Equal(again, line) {
		err = errors.New("it is written otherwise")
	}
	return err
}

// next reads a line of bounded length.
func next(r *bufio.Reader) (line []byte, err error) {
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine+1 || len(line) > maxSeal && bytes.HasPrefix(line, []byte(`{"seal"`)):
			return nil, errors.New("it is too long")
		case err == nil:
			return line[:len(line)-1], nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func broken(text string, args ...any) error {
	return fmt.Errorf("%w: "+text, append([]any{ErrBroken}, args...)...)
}
