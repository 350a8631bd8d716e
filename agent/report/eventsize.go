package report

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/drover-dev/drover/protocol"
)

const (
	// maxEventFields is how many bytes of JSON the fields of an event that is cut may have together.
	maxEventFields = protocol.MaxEvent / 2
	// maxEventText is how many bytes are left of a text that is cut. JSON may need six for each of them.
	maxEventText = protocol.MaxEvent / 32
)

// encodeEvent is an event as JSON of at most protocol.MaxEvent bytes. The bus refuses a larger event without an answer, so it
// is cut, and says so.
func encodeEvent(e protocol.Event) []byte {
	data := eventJSON(e)
	size := len(data)
	if size <= protocol.MaxEvent {
		return data
	}
	e.Fields = cutFields(e.Fields)
	if data = eventJSON(e); len(data) > protocol.MaxEvent {
		for _, text := range []*string{&e.Message, &e.App, &e.By, &e.Revision} {
			*text = cutText(*text)
		}
	}
	note := fmt.Sprintf("this event had %d bytes and was cut to fit the journal", size)
	if e.Message != "" {
		note = e.Message + " (" + note + ")"
	}
	e.Message = note
	if data = eventJSON(e); len(data) > protocol.MaxEvent {
		e.Object = nil
		data = eventJSON(e)
	}
	return data
}

func eventJSON(e protocol.Event) []byte {
	data, err := json.Marshal(e)
	if err != nil {
		panic("agent: an event that is not JSON: " + err.Error()) // plain data: cannot happen
	}
	return data
}

// cutFields keeps the first fields, and says how many more there were.
func cutFields(fields []string) []string {
	size := 0
	for i, field := range fields {
		text, _ := json.Marshal(field) // a string is always JSON
		if size += len(text) + 1; size > maxEventFields {
			return append(fields[:i:i], fmt.Sprintf("and %d more", len(fields)-i))
		}
	}
	return fields
}

// cutText keeps the beginning of a text that is too long.
func cutText(text string) string {
	if len(text) <= maxEventText {
		return text
	}
	end := maxEventText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.ToValidUTF8(text[:end], "") + "…"
}
