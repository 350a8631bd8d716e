// Package plugins has the plugins of the agent do their work, without linking what it takes to speak with them: the program
// drover-plugins does. It is started when something is asked of it, and ended when nothing was for a while. The two speak over its
// standard input and output, one question at a time: each a number of bytes, four of them, the highest first, and then as many bytes of
// JSON.
package plugins

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the most that a question or an answer may have, in bytes.
const MaxFrame = 16 << 20

// Question is what is asked of drover-plugins.
type Question struct {
	Plugin  string            `json:"plugin"` // its name
	Object  []byte            `json:"object"` // JSON
	Secrets map[string][]byte `json:"secrets,omitempty"`
}

// Answer is what drover-plugins says. It has an object or an error.
type Answer struct {
	Object []byte `json:"object,omitempty"` // JSON
	Error  string `json:"error,omitempty"`  // in words for people, without anything secret
}

// Write writes a question or an answer.
func Write(w io.Writer, message any) error {
	data, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(data) > MaxFrame {
		return fmt.Errorf("a message of %d bytes is more than %d", len(data), MaxFrame)
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...))
	return err
}

// Read reads a question or an answer. io.EOF says that there is none any more.
func Read(r io.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > MaxFrame {
		return fmt.Errorf("a message of %d bytes is more than %d", size, MaxFrame)
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		return err
	}
	if err := json.Unmarshal(data, message); err != nil {
		return errors.New("a message is no JSON") // json's error might quote a secret
	}
	return nil
}
