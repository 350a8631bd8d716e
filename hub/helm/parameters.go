package helm

import (
	"fmt"
	"strings"

	"github.com/drover-dev/drover/hub/model"
)

// amend adds what a chart asks for beside its values. What it says of the cluster takes precedence over what the
// cluster reported.
func (o *Options) amend(tree model.Tree, c model.Chart) error {
	o.SkipSchema = c.SkipSchema
	if c.Namespace != "" {
		o.Namespace = c.Namespace
	}
	if c.KubeVersion != "" {
		o.KubeVersion = c.KubeVersion
	}
	if len(c.APIVersions) > 0 {
		o.APIVersions = c.APIVersions
	}
	for _, p := range c.Parameters {
		set := Parameter{Name: p.Name, Value: p.Value, String: p.String}
		if p.Path != "" {
			data, err := tree.ReadFile(p.Path)
			if err != nil {
				return fmt.Errorf("%s: the value of the parameter %s cannot be read: %w", p.Path, p.Name, err)
			}
			set.Value, set.File = strings.ToValidUTF8(string(data), "\ufffd"), true
		}
		o.Set = append(o.Set, set)
	}
	return nil
}
