package difference

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"github.com/drover-dev/drover/protocol"
)

// delivery is how an app is delivered: all that its bundle says beside what it renders to, its name and its errors.
func delivery(a protocol.App) protocol.App {
	a.Name, a.Declared, a.Formerly, a.Revision, a.Blob, a.Needs = "", "", nil, "", nil, nil
	a.Error, a.Reason = "", ""
	return a
}

// flags are what a bundle says of the cluster as a whole.
type flags struct {
	Suspend    bool   `json:"suspend,omitempty"`
	AgentImage string `json:"agentImage,omitempty"`
}

func flagsOf(b *protocol.Bundle) flags { return flags{b.Suspend, b.AgentImage} }

// settingsOf compares two values of one type field by field, as they are written in JSON.
func settingsOf[T any](before, after T) []FieldChange {
	out, _ := fieldsOf(plain(before), plain(after))
	return out
}

// plain is a value as JSON has it.
func plain(v any) map[string]any {
	data, err := json.Marshal(v)
	var out map[string]any
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		panic("difference: settings that are not JSON: " + err.Error()) // plain data: cannot happen
	}
	return out
}

// digestOf identifies a version of an app: its content, and how it is delivered.
func digestOf(a *protocol.App) string {
	if a == nil {
		return ""
	}
	data, err := json.Marshal(delivery(*a))
	if err != nil {
		panic("difference: an app that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	sum := sha256.Sum256(append([]byte(a.Blob.Digest), data...))
	return hex.EncodeToString(sum[:16])
}
