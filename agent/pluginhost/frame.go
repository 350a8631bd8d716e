// Package pluginhost is the agent's side of the plugin host, the program drover-plugins (agent/cmd/drover-plugins),
// which runs plugins and speaks gRPC with them, so that the agent does not link it. The host is started when it is asked
// something, and stopped when it was not for a while. The two speak over its standard input and output, one question at
// a time: each is its length as four bytes, the highest first, and then that many bytes of JSON.
//
// It may import agent; never the packages beside it, and no gRPC.
package pluginhost

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// MaxFrame is the most that a question or an answer may have, in bytes.
const MaxFrame = 16 << 20

// Question is what the plugin host is asked.
type Question struct {
	Plugin  string            `json:"plugin"` // its name
	Object  []byte            `json:"object"` // JSON
	Secrets map[string][]byte `json:"secrets,omitempty"`
}

// Answer is what the plugin host says. It has an object or an error.
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
