package document

import (
	"strconv"
	"time"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Text takes a text.
func (d Document) Text(in *yaml.Node, key string, to *string) error {
	n := Field(in, key)
	if n == nil {
		return nil
	}
	if n.Kind != yaml.ScalarNode {
		return d.Errorf(n, "%s is to be a text", key)
	}
	*to = Scalar(n)
	return nil
}

// Bool takes a boolean.
func (d Document) Bool(in *yaml.Node, key string, to *bool) error {
	n := Field(in, key)
	if n == nil {
		return nil
	}
	v, err := strconv.ParseBool(n.Value)
	if err != nil || n.Tag != "!!bool" {
		return d.Errorf(n, "%s is %q: write true or false", key, n.Value)
	}
	*to = v
	return nil
}

// Duration takes a duration.
func (d Document) Duration(in *yaml.Node, key string, to *time.Duration) error {
	n := Field(in, key)
	if n == nil {
		return nil
	}
	v, err := time.ParseDuration(n.Value)
	if err != nil || v <= 0 {
		return d.Errorf(n, "%s is %q: write a duration such as 90s or 5m", key, n.Value)
	}
	*to = v
	return nil
}

// Pairs takes a mapping of texts. Numbers and booleans are taken as they are written.
func (d Document) Pairs(in *yaml.Node, key string, to *map[string]string) error {
	n := Field(in, key)
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return d.Errorf(n, "%s is to be a mapping of names to texts", key)
	}
	*to = make(map[string]string, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if v.Kind != yaml.ScalarNode {
			return d.Errorf(v, "%s.%s is to be a text", key, k.Value)
		}
		(*to)[k.Value] = Scalar(v)
	}
	return nil
}

// Texts takes a list of texts.
func (d Document) Texts(in *yaml.Node, key string, to *[]string) error {
	return d.Each(in, key, func(item *yaml.Node) error {
		if Scalar(item) == "" {
			return d.Errorf(item, "%s is to be a list of texts", key)
		}
		*to = append(*to, Scalar(item))
		return nil
	})
}

// Each goes through a list.
func (d Document) Each(in *yaml.Node, key string, take func(*yaml.Node) error) error {
	n := Field(in, key)
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		return d.Errorf(n, "%s is to be a list", key)
	}
	for _, item := range n.Content {
		if err := take(item); err != nil {
			return err
		}
	}
	return nil
}

// Record takes a mapping of texts with the given fields and no others.
func (d Document) Record(n *yaml.Node, in string, fields []string, to ...*string) error {
	if err := d.CheckKeys(n, in, fields...); err != nil {
		return err
	}
	for i, f := range fields {
		if err := d.Text(n, f, to[i]); err != nil {
			return err
		}
	}
	return nil
}
