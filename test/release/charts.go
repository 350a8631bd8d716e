package release

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// chartFolders are where the Helm charts are; the last part is the name of a chart.
var chartFolders = []string{"deploy/charts/drover-agent", "deploy/charts/drover-hub"}

var (
	chartVersion = regexp.MustCompile(`(?m)^version: .*$`)
	appVersion   = regexp.MustCompile(`(?m)^appVersion: .*\n`)
)

// charts packs the Helm charts, with the version of the release as that of the chart and of the program in it.
func (r Release) charts() ([]File, error) {
	var out []File
	for _, folder := range chartFolders {
		var entries []entry
		root := filepath.Join(r.Root, folder)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if name == "Chart.yaml" {
				if n := len(chartVersion.FindAll(data, -1)); n != 1 {
					return fmt.Errorf("%s: there are %d lines with the version, and there has to be one", path, n)
				}
				data = appVersion.ReplaceAll(data, nil)
				data = chartVersion.ReplaceAll(data, []byte("version: "+r.Number()+"\nappVersion: "+r.Number()))
			}
			entries = append(entries, entry{filepath.ToSlash(name), data, 0o644})
			return nil
		})
		if err != nil {
			return nil, err
		}
		name := filepath.Base(folder)
		data, err := r.pack(name, entries)
		if err != nil {
			return nil, err
		}
		out = append(out, File{Name: name + "-" + r.Number() + ".tgz", Data: data})
	}
	return out, nil
}
