package layout

import (
	"sigs.k8s.io/kustomize/kyaml/yaml"

	"github.com/drover-dev/drover/fleet"
)

// readOverlay takes the fields of an App that are laid over its folder.
func readOverlay(d document, spec *yaml.Node, app *fleet.App) []error {
	o := &app.Overlay
	common := field(spec, "commonMetadata")
	return []error{
		d.text(spec, "targetNamespace", &o.Namespace), d.text(spec, "namePrefix", &o.NamePrefix), d.text(spec, "nameSuffix", &o.NameSuffix),
		readPatches(d, spec, &o.Patches), readImages(d, spec, &o.Images), d.texts(spec, "components", &o.Components),
		d.checkKeys(common, "commonMetadata", "labels", "annotations"),
		d.pairs(common, "labels", &app.Metadata.Labels), d.pairs(common, "annotations", &app.Metadata.Annotations),
	}
}

func readPatches(d document, in *yaml.Node, to *[]fleet.Patch) error {
	return d.each(in, "patches", func(item *yaml.Node) error {
		var p fleet.Patch
		var err error
		if p.Target, err = readTarget(d, item); err != nil {
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

func readImages(d document, in *yaml.Node, to *[]fleet.Image) error {
	return d.each(in, "images", func(item *yaml.Node) error {
		var i fleet.Image
		if err := d.record(item, "images", namesOf(imageShapes), &i.Name, &i.NewName, &i.NewTag, &i.Digest); err != nil {
			return err
		}
		if i.Name == "" {
			return d.errorf(item, "an image without its name: write the one that the manifests have, without a tag")
		}
		*to = append(*to, i)
		return nil
	})
}
