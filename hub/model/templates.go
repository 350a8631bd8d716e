package model

import (
	"context"
	"regexp"
	"strings"
)

// Templated are Go templates with the parameters that they are executed with.
type Templated struct {
	Params []byte // a JSON object
	Texts  []string
}

// Templates executes Go templates that stand in the repository, as Argo CD's ApplicationSets have them. They are
// programs: whoever implements it bounds their time, their memory and what they give.
type Templates interface {
	// Execute gives what each text of each group comes to. options are those of text/template, as missingkey=error;
	// name says for messages what the templates belong to. An error that another try may not have is a
	// *TransientError.
	Execute(ctx context.Context, name string, options []string, groups []Templated) ([][]string, error)
}

// TemplatesOfInputs is an option of Templates: templates are those of a ResourceSet of the Flux Operator, between << and >>,
// with the parameters as what the function inputs gives.
const TemplatesOfInputs = "inputs"

// notInNames are the characters that the name of an object cannot have.
var notInNames = regexp.MustCompile("[^-a-z0-9.]")

// maxObjectName is how long the name of an object may be.
const maxObjectName = 253

// NormalizeName makes a name for an object of any text, as Argo CD does.
func NormalizeName(text string) string {
	name := notInNames.ReplaceAllString(strings.ToLower(text), "-")
	return strings.Trim(name[:min(len(name), maxObjectName)], "-.")
}
