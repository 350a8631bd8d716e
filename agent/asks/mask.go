package asks

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/drover-dev/drover/agent"
)

// masked stands for a value that is not shown.
const masked = "***"

// object is a whole object, decoded.
type object = map[string]any

func decode(raw []byte) (object, error) {
	var o object
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber() // no digit of a large number is lost
	if err := dec.Decode(&o); err != nil || o == nil {
		return nil, refuse("Failed", "the API server's answer is no object")
	}
	return o, nil
}

func isSecret(res agent.Resource) bool { return res.Group == "" && res.Kind == "Secret" }

// mask takes out of an object what people are not shown. secretive is for objects of other kinds that may hold values
// of Secrets: of these all texts are masked but names and what the cluster itself has written.
func mask(res agent.Resource, o object, secretive bool) {
	meta, _ := o["metadata"].(object)
	delete(meta, "managedFields")
	if !isSecret(res) && !secretive {
		return
	}
	annotations, _ := meta["annotations"].(object)
	for name, value := range annotations {
		text, _ := value.(string)
		if secretive || strings.ContainsAny(text, "{[\n") || len(text) > 256 { // as kubectl's last-applied-configuration
			annotations[name] = masked
		}
	}
	if isSecret(res) {
		for _, field := range [...]string{"data", "stringData"} {
			if values, ok := o[field].(object); ok {
				for key := range values {
					values[key] = masked
				}
			}
		}
		return
	}
	for field, value := range o {
		switch field {
		case "apiVersion", "kind", "metadata", "status", "type":
		default:
			o[field] = maskTexts(value)
		}
	}
}

// maskTexts masks every text below a value, and keeps the keys.
func maskTexts(value any) any {
	switch v := value.(type) {
	case object:
		for key := range v {
			v[key] = maskTexts(v[key])
		}
	case []any:
		for i := range v {
			v[i] = maskTexts(v[i])
		}
	case string, json.Number, float64:
		return masked
	}
	return value
}
