package object

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxCommit is the largest commit or tag that is read, in bytes.
const maxCommit = 1 << 20

// Commit is a decoded commit.
type Commit struct {
	Tree    Hash
	Parents []Hash
	Author  string
	Subject string
	Time    time.Time
	message []byte // at most maxMessage bytes from its end
}

// maxMessage is how much of a message is kept for its trailers, in bytes.
const maxMessage = 16 << 10

// Trailer is the value of a trailer: a line "key: value" in the last paragraph of the message, which is not its first
// (git-interpret-trailers). Letter case of the key does not count; the last such line does. "" if there is none.
func (c *Commit) Trailer(key string) (value string) {
	message := bytes.TrimSpace(bytes.ReplaceAll(c.message, []byte("\r\n"), []byte("\n")))
	at := bytes.LastIndex(message, []byte("\n\n"))
	if at < 0 {
		return ""
	}
	for line := range bytes.SplitSeq(message[at:], []byte("\n")) {
		k, v, is := bytes.Cut(line, []byte(":"))
		if is && strings.EqualFold(string(bytes.TrimSpace(k)), key) {
			value = strings.ToValidUTF8(string(bytes.TrimSpace(v)), "\uFFFD")
		}
	}
	return value
}

// decodeCommit decodes a commit object: lines "key value", an empty line, the message.
func decodeCommit(data []byte) (*Commit, error) {
	head, message, _ := bytes.Cut(data, []byte("\n\n"))
	c := &Commit{Subject: subject(message), message: bytes.Clone(message[max(0, len(message)-maxMessage):])}
	var err error
	for line := range bytes.SplitSeq(head, []byte("\n")) {
		key, value, _ := strings.Cut(string(line), " ")
		switch key {
		case "tree":
			c.Tree, err = ParseHash(value)
		case "parent":
			var p Hash
			p, err = ParseHash(value)
			c.Parents = append(c.Parents, p)
		case "author":
			c.Author, _ = person(value)
		case "committer":
			_, c.Time = person(value)
		}
		if err != nil {
			return nil, fmt.Errorf("commit's %s: %w", key, err)
		}
	}
	if c.Tree.IsZero() {
		return nil, errors.New("commit names no tree")
	}
	return c, nil
}

// subject returns the first line of a message that is not empty.
func subject(message []byte) string {
	line, _, _ := bytes.Cut(bytes.TrimLeft(message, "\n\r\t "), []byte("\n"))
	return strings.ToValidUTF8(string(bytes.TrimSpace(line)), "\uFFFD")
}

// person splits "Name <mail> seconds zone".
func person(value string) (who string, when time.Time) {
	end := strings.LastIndexByte(value, '>')
	if end < 0 {
		return strings.ToValidUTF8(value, "\uFFFD"), time.Time{}
	}
	seconds, _, _ := strings.Cut(strings.TrimSpace(value[end+1:]), " ")
	if s, err := strconv.ParseInt(seconds, 10, 64); err == nil {
		when = time.Unix(s, 0).UTC()
	}
	return strings.ToValidUTF8(value[:end+1], "\uFFFD"), when
}

// tagged returns what a tag object points to.
func tagged(data []byte) (Hash, error) {
	first, _, _ := strings.Cut(string(data[:min(len(data), 64)]), "\n")
	value, ok := strings.CutPrefix(first, "object ")
	if !ok {
		return Hash{}, errors.New("tag names no object")
	}
	return ParseHash(value)
}

// ParseHash decodes a full id.
func ParseHash(s string) (h Hash, err error) {
	if len(s) != 2*HashSize || !IsHex(s) {
		return h, fmt.Errorf("%q is not an object id of %d hexadecimal digits", s, 2*HashSize)
	}
	for i := range h {
		h[i] = unhex(s[2*i])<<4 | unhex(s[2*i+1])
	}
	return h, nil
}

// IsHex says whether a text has hexadecimal digits alone.
func IsHex(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}
