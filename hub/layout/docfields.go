package layout

import (
	"strconv"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// text takes a text.
func (d document) text(in *yaml.Node, key string, to *string) error {
	n := field(in, key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		return d.errorf(n, "%s is to be a text", key)
	}
	*to = scalar(n)
	return nil
}

// bool takes a boolean.
func (d document) bool(in *yaml.Node, key string, to *bool) error {
	n := field(in, key)
	if n == nil {
		return nil
	}
	v, err := strconv.ParseBool(n.Value)
	if err != nil || n.Tag != "!!bool" {
		return d.errorf(n, "%s is %q: write true or false", key, n.Value)
	}
	*to = v
	return nil
}

// duration takes a duration.
func (d document) duration(in *yaml.Node, key string, to *time.Duration) error {
	n := field(in, key)
	if n == nil {
		return nil
	}
	v, err := time.ParseDuration(n.Value)
	if err != nil || v <= 0 {
		return d.errorf(n, "%s is %q: write a duration such as 90s or 5m", key, n.Value)
	}
	*to = v
	return nil
}

// pairs takes a mapping of texts. Numbers and booleans are taken as they are written.
func (d document) pairs(in *yaml.Node, key string, to *map[string]string) error {
	n := field(in, key)
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return d.errorf(n, "%s is to be a mapping of names to texts", key)
	}
	*to = make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if v.Kind != yaml.ScalarNode {
			return d.errorf(v, "%s.%s is to be a text", key, k.Value)
		}
		(*to)[k.Value] = scalar(v)
	}
	return nil
}

// texts takes a list of texts.
func (d document) texts(in *yaml.Node, key string, to *[]string) error {
	return d.each(in, key, func(item *yaml.Node) error {
		if scalar(item) == "" {
			return d.errorf(item, "%s is to be a list of texts", key)
		}
		*to = append(*to, scalar(item))
		return nil
	})
}

// each goes through a list.
func (d document) each(in *yaml.Node, key string, take func(*yaml.Node) error) error {
	n := field(in, key)
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return d.errorf(n, "%s is to be a list", key)
	}
	for _, item := range n.Content {
		if err := take(item); err != nil {
			return err
		}
	}
	return nil
}

// record takes a mapping of texts with the given fields and no others.
func (d document) record(n *yaml.Node, in string, fields []string, to ...*string) error {
	if err := d.checkKeys(n, in, fields...); err != nil {
		return err
	}
	for i, f := range fields {
		if err := d.text(n, f, to[i]); err != nil {
			return err
		}
	}
	return nil
}
