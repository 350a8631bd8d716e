package helm

// Reference names a published chart.
type Reference struct {
	Repository string
	Name       string
	Version    string
}
