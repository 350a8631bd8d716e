package ask

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"k8s.io/client-go/util/jsonpath"
	"sigs.k8s.io/yaml"

	"github.com/drover-dev/drover/fleet/query"
	"github.com/drover-dev/drover/hub/cmd/drover/show"
)

// printer prints answers as kubectl does.
type printer struct {
	format    string
	noHeaders bool
	sortBy    string
}

func (p *printer) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&p.format, "output", "o", "", "table, wide, json, yaml, name, jsonpath=TEMPLATE or go-template=TEMPLATE")
	f.BoolVar(&p.noHeaders, "no-headers", false, "print no line with the names of the columns")
	f.StringVar(&p.sortBy, "sort-by", "", "sort by a field of the rows in -o json, as .name")
	formats := []string{"table", "wide", "json", "yaml", "name", "jsonpath=", "go-template="}
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
}

// template is what follows a format and =.
func (p printer) template() (format, template string, has bool) { return strings.Cut(p.format, "=") }

func (p printer) check() error {
	format, _, has := p.template()
	switch format {
	case "", "table", "wide", "json", "yaml", "name":
		if !has {
			return nil
		}
	case "jsonpath", "go-template":
		if has {
			_, err := p.compile()
			return err
		}
	}
	return fmt.Errorf("-o %.60s: use table, wide, json, yaml, name, jsonpath=TEMPLATE or go-template=TEMPLATE", p.format)
}

// table says whether people are to read the answer.
func (p printer) table() bool { return p.format == "" || p.format == "table" || p.format == "wide" }

// executor writes a value.
type executor func(w io.Writer, value any) error

func (p printer) compile() (executor, error) {
	format, text, _ := p.template()
	if format == "jsonpath" {
		path := jsonpath.New("output").AllowMissingKeys(true)
		if err := path.Parse(braced(text)); err != nil {
			return nil, fmt.Errorf("-o jsonpath: %w", err)
		}
		return path.Execute, nil
	}
	t, err := template.New("output").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("-o go-template: %w", err)
	}
	return t.Execute, nil
}

// braced is a path in braces, which may be left out.
func braced(path string) string {
	if strings.Contains(path, "{") {
		return path
	}
	if !strings.HasPrefix(path, ".") {
		path = "." + path
	}
	return "{" + path + "}"
}

// column is one column of a table.
type column[R any] struct {
	name string
	wide bool // only with -o wide
	text func(R) string
}

// print prints rows; name is what -o name prints of one. answer is what is printed as JSON, and as it is given to
// templates: all of the answer.
func print[R any](w io.Writer, p printer, answer any, rows []R, name func(R) string, columns []column[R]) error {
	if p.sortBy != "" {
		if err := sortBy(rows, p.sortBy); err != nil {
			return err
		}
	}
	switch format, _, _ := p.template(); format {
	case "json":
		return show.JSON(w, answer)
	case "yaml":
		data, err := yaml.Marshal(answer)
		if err == nil {
			_, err = io.WriteString(w, query.Visible(string(data)))
		}
		return err
	case "name":
		for _, r := range rows {
			fmt.Fprintln(w, show.OneLine(name(r)))
		}
		return nil
	case "jsonpath", "go-template":
		return p.execute(w, answer)
	}
	return tabulate(w, p, rows, columns)
}

// execute writes an answer as a template says. Names and texts in it are of others: what would control a terminal is
// replaced.
func (p printer) execute(w io.Writer, answer any) error {
	run, err := p.compile()
	if err != nil {
		return err
	}
	value, err := plain(answer)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := run(&out, value); err != nil {
		return fmt.Errorf("the template does not fit the answer: %w; -o json shows it", err)
	}
	_, err = fmt.Fprintln(w, strings.TrimRight(query.Visible(out.String()), "\n"))
	return err
}

// plain is a value as JSON has it.
func plain(value any) (out any, err error) {
	data, err := json.Marshal(value)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

func tabulate[R any](w io.Writer, p printer, rows []R, columns []column[R]) error {
	t := show.NewTable(w)
	line := func(cell func(column[R]) string) {
		var cells []string
		for _, c := range columns {
			if !c.wide || p.format == "wide" {
				cells = append(cells, cell(c))
			}
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	if !p.noHeaders {
		line(func(c column[R]) string { return c.name })
	}
	for _, r := range rows {
		line(func(c column[R]) string { return show.OrDash(c.text(r)) })
	}
	return t.Flush()
}

// sortBy sorts rows by a field: numbers as numbers, everything else as text.
func sortBy[R any](rows []R, path string) error {
	find := jsonpath.New("sort").AllowMissingKeys(true)
	if err := find.Parse(braced(path)); err != nil {
		return fmt.Errorf("--sort-by: %w", err)
	}
	type keyed struct {
		row    R
		text   string
		number float64
		is     bool
	}
	all := make([]keyed, len(rows))
	for i, r := range rows {
		value, err := plain(r)
		if err != nil {
			return err
		}
		results, err := find.FindResults(value)
		if err != nil {
			return fmt.Errorf("--sort-by %s: %w", path, err)
		}
		all[i].row = r
		if len(results) > 0 && len(results[0]) > 0 {
			found := results[0][0].Interface()
			all[i].number, all[i].is = found.(float64)
			all[i].text = fmt.Sprint(found)
		}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		if a.is && b.is {
			return cmp.Compare(a.number, b.number)
		}
		return cmp.Compare(a.text, b.text)
	})
	for i, k := range all {
		rows[i] = k.row
	}
	return nil
}
