package native

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/hub/layout/document"
	"github.com/drover-dev/drover/hub/model"
)

// readOverlay takes the fields of an App that are laid over its folder.
func readOverlay(d document.Document, spec *yaml.Node, app *model.App) []error {
	o := &app.Overlay
	common := document.Field(spec, "commonMetadata")
	return []error{
		d.Text(spec, "targetNamespace", &o.Namespace), d.Text(spec, "namePrefix", &o.NamePrefix), d.Text(spec, "nameSuffix",
			&o.NameSuffix),
		readPatches(d, spec, &o.Patches), readImages(d, spec, &o.Images), d.Texts(spec, "components", &o.Components),
		d.CheckKeys(common, "commonMetadata", "labels", "annotations"),
		d.Pairs(common, "labels", &app.Metadata.Labels), d.Pairs(common, "annotations", &app.Metadata.Annotations),
	}
}

func readPatches(d document.Document, in *yaml.Node, to *[]model.Patch) error {
	return d.Each(in, "patches", func(item *yaml.Node) error {
		var p model.Patch
		var err error
		if p.Target, err = readTarget(d, item); err != nil {
			return err
		}
		if err := d.CheckKeys(item, "patches", namesOf(patchShapes)...); err != nil {
			return err
		}
		if err := d.Text(item, "patch", &p.Patch); err != nil || p.Patch == "" {
			return d.Errorf(item, "a patch without its patch: write it as text, as patch: |")
		}
		*to = append(*to, p)
		return nil
	})
}

func readImages(d document.Document, in *yaml.Node, to *[]model.Image) error {
	return d.Each(in, "images", func(item *yaml.Node) error {
		var i model.Image
		if err := d.Record(item, "images", namesOf(imageShapes), &i.Name, &i.NewName, &i.NewTag, &i.Digest); err != nil {
			return err
		}
		if i.Name == "" {
			return d.Errorf(item, "an image without its name: write the one that the manifests have, without a tag")
		}
		*to = append(*to, i)
		return nil
	})
}
