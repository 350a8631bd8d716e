package resolve

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// mergeYAML lays the mapping that over holds on that of under, like values of Helm: mappings are merged, all else is
// replaced.
func mergeYAML(under, over []byte) ([]byte, error) {
	base, err := mapping(under)
	if err != nil {
		return nil, err
	}
	more, err := mapping(over)
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(mergeMaps(base, more))
}

// mapping reads all documents of a file as one mapping.
func mapping(data []byte) (map[string]any, error) {
	out := map[string]any{}
	for docs := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data))); ; {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		var more map[string]any
		if err == nil {
			err = yaml.Unmarshal(doc, &more)
		}
		if err != nil {
			return nil, fmt.Errorf("it is no YAML mapping: %w", err)
		}
		out = mergeMaps(out, more)
	}
}

func mergeMaps(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for k, v := range over {
		inner, ok := v.(map[string]any)
		if under, both := out[k].(map[string]any); ok && both {
			v = mergeMaps(under, inner)
		}
		out[k] = v
	}
	return out
}
