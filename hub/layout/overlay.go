package layout

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
)

// overlay takes the fields of an App that are laid over its folder.
func (d document) overlay(spec *yaml.Node, app *fleet.App) []error {
	o := &app.Overlay
	common := field(spec, "commonMetadata")
	return []error{
		d.text(spec, "targetNamespace", &o.Namespace), d.text(spec, "namePrefix", &o.NamePrefix), d.text(spec, "nameSuffix", &o.NameSuffix),
		d.patches(spec, &o.Patches), d.images(spec, &o.Images), d.texts(spec, "components", &o.Components),
		d.checkKeys(common, "commonMetadata", "labels", "annotations"),
		d.pairs(common, "labels", &app.Metadata.Labels), d.pairs(common, "annotations", &app.Metadata.Annotations),
	}
}

func (d document) texts(in *yaml.Node, key string, to *[]string) error {
	return d.each(in, key, func(item *yaml.Node) error {
		if scalar(item) == "" {
			return d.errorf(item, "%s is to be a list of texts", key)
		}
		*to = append(*to, scalar(item))
		return nil
	})
}

func (d document) patches(in *yaml.Node, to *[]fleet.Patch) error {
	return d.each(in, "patches", func(item *yaml.Node) error {
		var p fleet.Patch
		var err error
		if p.Target, err = d.target(item); err != nil {
			return err
		}
		if err := d.checkKeys(item, "patches", namesOf(patchShapes)...); err != nil {
			return err
		}
		if err := d.text(item, "patch", &p.Patch); err != nil || p.Patch == "" {
			return d.errorf(item, "a patch without its patch: write it as text, as patch: |")
		}
		*to = append(*to, p)
		return nil
	})
}

func (d document) images(in *yaml.Node, to *[]fleet.Image) error {
	return d.each(in, "images", func(item *yaml.Node) error {
		var i fleet.Image
		if err := d.record(item, "images", imageShapes, &i.Name, &i.NewName, &i.NewTag, &i.Digest); err != nil {
			return err
		}
		if i.Name == "" {
			return d.errorf(item, "an image without its name: write the one that the manifests have, without a tag")
		}
		*to = append(*to, i)
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
func (d document) record(n *yaml.Node, in string, fields []shape, to ...*string) error {
	if err := d.checkKeys(n, in, namesOf(fields)...); err != nil {
		return err
	}
	for i, f := range fields {
		if err := d.text(n, f.name, to[i]); err != nil {
			return err
		}
	}
	return nil
}
