package worker

import "helm.sh/helm/v4/pkg/chart/common"

// capabilities are what templates see as .Capabilities. They notice whether a template looks at what the API server
// serves: only what such a chart renders to depends on it.
type capabilities struct {
	*common.Capabilities
	asked bool
}

// APIVersions gives what the API server serves, in place of the field of that name.
func (c *capabilities) APIVersions() common.VersionSet {
	c.asked = true
	return c.Capabilities.APIVersions
}

// asked says whether a template looked at what the API server serves.
func (r *render) asked() bool { return r.caps != nil && r.caps.asked }
