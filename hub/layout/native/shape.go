package native

import (
	"maps"
)

// shape describes one field of the files that people write for Drover. What the reader accepts and what the JSON Schema
// says both follow from it.
type shape struct {
	name    string
	says    string
	kind    map[string]any // JSON Schema of the value; nil for a mapping or a list of fields
	list    bool           // a list of fields
	fields  []shape        // of a mapping, or of each item of a list
	must    bool           // it has to be there
	example any            // a value that is accepted
	preset  any            // the value of a field that is not set, where the schema can say it
}

// The kinds of values.
var (
	aText     = map[string]any{"type": "string"}
	aSwitch   = map[string]any{"type": "boolean"}
	aDuration = map[string]any{"type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`}
	texts     = map[string]any{"type": "array", "items": aText}
	// Numbers and booleans are taken as they are written.
	somePairs = map[string]any{"type": "object", "additionalProperties": map[string]any{"type": []string{"string",
		"number", "boolean", "null"}}}
)

func namesOf(shapes []shape) []string {
	out := make([]string, len(shapes))
	for i, s := range shapes {
		out[i] = s.name
	}
	return out
}

// mapping is the JSON Schema of a mapping with these fields and no others.
func mapping(fields []shape) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range fields {
		properties[f.name] = f.schema()
		if f.must {
			required = append(required, f.name)
		}
	}
	out := map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (s shape) schema() map[string]any {
	out := maps.Clone(s.kind)
	switch {
	case s.list:
		out = map[string]any{"type": "array", "items": mapping(s.fields)}
	case s.fields != nil:
		out = mapping(s.fields)
	}
	out["description"], out["default"] = s.says, s.preset
	if s.example != nil {
		out["examples"] = []any{s.example}
	}
	maps.DeleteFunc(out, func(_ string, v any) bool { return v == nil || v == "" })
	return out
}
