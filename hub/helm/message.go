package helm

import (
	"github.com/drover-dev/drover/hub/model"
)

// Greeting is the first thing that a worker writes. It changes whenever the messages do.
const Greeting = "drover helm worker 4\n"

// Message is what a Renderer sends to a worker, as a gob stream: a job, or what the worker asked for.
type Message struct {
	Job      *Job
	Posted   *Posted
	Imported *Imported
}

// Job is one chart to render, or templates to execute.
type Job struct {
	Templates  *Templates
	Chart      string // for messages
	Files      []File // of a chart folder
	Archive    []byte // instead of Files
	Options    Options
	PostRender bool // Options.PostRender is set, which is not sent itself
	// Jsonnet: a file of Jsonnet is evaluated, which Chart names.
	Jsonnet *model.Jsonnet

	imports func(Import) Imported // the files that Jsonnet imports; it is not sent
}

// Templates are Go templates that belong to no chart.
type Templates struct {
	Options []string // of text/template, as missingkey=error
	Groups  []model.Templated
}

// Posted is what came of post-rendering.
type Posted struct{ Stream []byte }

// Answer is what a worker sends, as a gob stream: the outcome of a job or, if PostRender is set, the wish to have
// Stream post-rendered first. The files in it are named as Helm names them, the chart's name first.
type Answer struct {
	PostRender bool
	Stream     []byte
	Import     *Import // instead: the wish to have a file

	Objects  []model.Rendered
	Warnings []Warning
	Texts    [][]string // what Templates came to, by group
	Err      *Error
	AsksAPIs bool // the templates looked at .Capabilities.APIVersions
}
