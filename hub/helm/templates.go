package helm

import (
	"context"
	"errors"

	"github.com/drover-dev/drover/hub/model"
)

var _ model.Templates = (*Renderer)(nil)

// Execute implements model.Templates, in the processes in which charts are rendered.
func (r *Renderer) Execute(ctx context.Context, name string, options []string, groups []model.Templated) ([][]string, error) {
	size := 0
	for _, g := range groups {
		size += len(g.Params)
		for _, text := range g.Texts {
			size += len(text)
		}
	}
	if size > maxValues {
		return nil, templateError(&Error{Reason: "the templates and their parameters come to more than 8 MiB", Hint: "generate fewer at once"})
	}
	a, err := r.run(ctx, Job{Chart: name, Templates: &Templates{Options: options, Groups: groups}})
	if e, ok := errors.AsType[*Error](err); ok {
		return nil, templateError(e)
	}
	if err != nil {
		return nil, err
	}
	if a.Err != nil {
		return nil, templateError(a.Err)
	}
	return a.Texts, nil
}

// templateError is an error without the words that speak of a chart.
func templateError(e *Error) error {
	text := e.Reason
	if e.Hint != "" {
		text += " (" + e.Hint + ")"
	}
	if err := errors.New(oneLine(text)); !e.Transient {
		return err
	} else {
		return &model.TransientError{Err: err}
	}
}
