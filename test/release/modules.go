package release

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Modules are the folders of the modules that are tagged, each behind those that it requires. docs/decisions/modules.md
// says why there are these.
var Modules = []string{".", "protocol/plugin", "hub", "agent", "agent/plugins/sops"}

// modulePath is the path by which the module in a folder is imported.
func modulePath(folder string) string { return path.Join(ours, folder) }

// isOurs says whether a path is that of a module of this repository, tagged or not.
func isOurs(module string) bool { return module == ours || strings.HasPrefix(module, ours+"/") }

// Tags are the tags of the release, one for each module. That of the top level's is the version itself.
func (r Release) Tags() []string {
	var out []string
	for _, folder := range Modules {
		out = append(out, path.Join(folder, r.Version))
	}
	return out
}

// tagged makes the commit that the tags are for, on top of the source: its go.mod files require the modules of this
// repository in the release's version, and have no replace, which go install refuses. The same source and version give
// the same commit.
func (r Release) tagged(ctx context.Context) (string, error) {
	files := map[string]string{}
	required := map[string][]string{}
	for _, folder := range Modules {
		name := path.Join(folder, "go.mod")
		text, err := git(ctx, r.Root, "show", r.Source+":"+name)
		if err != nil {
			return "", err
		}
		if files[name], required[folder], err = r.goMod(ctx, text); err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	commit, err := r.commit(ctx, files)
	if err != nil {
		return "", err
	}
	sums, err := r.sums(ctx, commit)
	if err != nil {
		return "", err
	}
	for _, folder := range Modules {
		if len(required[folder]) == 0 {
			continue
		}
		name := path.Join(folder, "go.sum")
		text, _ := git(ctx, r.Root, "show", r.Source+":"+name) // a module that requires others of ours alone has none
		files[name] = goSum(text, required[folder], sums)
	}
	return r.commit(ctx, files)
}

// goMod is a go.mod file as it is tagged, and the modules of this repository that it requires. Those that are not
// tagged are for tests, and are not required.
func (r Release) goMod(ctx context.Context, text string) (out string, siblings []string, err error) {
	dir, err := os.MkdirTemp("", "drover-release-")
	if err != nil {
		return "", nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "go.mod")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		return "", nil, err
	}
	said, err := goCommand(ctx, dir, nil, "mod", "edit", "-json", file)
	if err != nil {
		return "", nil, err
	}
	var mod struct {
		Require []struct{ Path string }
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal(said, &mod); err != nil {
		return "", nil, err
	}
	args := []string{"mod", "edit"}
	for _, m := range mod.Require {
		switch folder := strings.TrimPrefix(strings.TrimPrefix(m.Path, ours), "/"); {
		case !isOurs(m.Path):
		case slices.Contains(Modules, path.Clean(folder)):
			siblings = append(siblings, m.Path)
			args = append(args, "-require="+m.Path+"@"+r.Version)
		default:
			args = append(args, "-droprequire="+m.Path)
		}
	}
	for _, m := range mod.Replace {
		if !isOurs(m.Old.Path) {
			return "", nil, fmt.Errorf("it replaces %s, and go install refuses modules that do: require a version of it that "+
				"needs no replace", m.Old.Path)
		}
		args = append(args, "-dropreplace="+m.Old.Path)
	}
	if len(args) == 2 {
		return text + "\n", nil, nil
	}
	if _, err := goCommand(ctx, dir, nil, append(args, file)...); err != nil {
		return "", nil, err
	}
	edited, err := os.ReadFile(file)
	return string(edited), siblings, err
}

// goSum is a go.sum file with the lines of some modules of this repository.
func goSum(text string, siblings []string, sums map[string]string) string {
	var out strings.Builder
	slices.Sort(siblings)
	rest := strings.Lines(text + "\n")
	added := false
	add := func() {
		for _, m := range siblings {
			out.WriteString(sums[m])
		}
		added = true
	}
	for line := range rest {
		if !added && line > ours {
			add()
		}
		if strings.TrimSpace(line) != "" {
			out.WriteString(line)
		}
	}
	if !added {
		add()
	}
	return out.String()
}

// commit makes a commit of the source with other content in some files. No branch and no tag names it.
func (r Release) commit(ctx context.Context, files map[string]string) (string, error) {
	dir, err := os.MkdirTemp("", "drover-release-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	who, err := git(ctx, r.Root, "log", "-1", "--format=%cn%n%ce%n%cd", "--date=raw", r.Source)
	if err != nil {
		return "", err
	}
	facts := strings.Split(who, "\n")
	if len(facts) != 3 {
		return "", fmt.Errorf("read the committer of %s from %q", r.Source, who)
	}
	run := func(input string, args ...string) string {
		if err != nil {
			return ""
		}
		cmd := exec.CommandContext(ctx, "git", args...)
		cmd.Dir, cmd.Stdin = r.Root, strings.NewReader(input)
		cmd.Env = append(os.Environ(), "GIT_INDEX_FILE="+filepath.Join(dir, "index"),
			"GIT_AUTHOR_NAME="+facts[0], "GIT_AUTHOR_EMAIL="+facts[1], "GIT_AUTHOR_DATE="+facts[2],
			"GIT_COMMITTER_NAME="+facts[0], "GIT_COMMITTER_EMAIL="+facts[1], "GIT_COMMITTER_DATE="+facts[2])
		var out string
		out, err = output(cmd)
		return out
	}
	run("", "read-tree", r.Source)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		blob := run(files[name], "hash-object", "-w", "--stdin")
		run("", "update-index", "--add", "--cacheinfo", "100644,"+blob+","+name)
	}
	tree := run("", "write-tree")
	commit := run("release "+r.Version+"\n\nRequire the modules of this repository in this version, without replace, so "+
		"that\ngo install accepts them.\n", "commit-tree", tree, "-p", r.Source)
	return commit, err
}

// sums are the lines of go.sum files for each module, at a commit.
func (r Release) sums(ctx context.Context, commit string) (map[string]string, error) {
	dir, err := os.MkdirTemp("", "drover-release-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	fetched, err := r.fetch(ctx, commit, dir)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, m := range fetched {
		out[m.Path] = fmt.Sprintf("%[1]s %[2]s %[3]s\n%[1]s %[2]s/go.mod %[4]s\n", m.Path, m.Version, m.Sum, m.GoModSum)
	}
	return out, nil
}

// fetchedModule is what the go command says of a module that it fetched.
type fetchedModule struct{ Path, Version, Sum, GoModSum, Error string }

// fetch has the go command fetch all modules of a commit, as a module proxy does when the tags are pushed. The folder
// gets a module cache; its cache/download is served by GOPROXY=file://.
func (r Release) fetch(ctx context.Context, commit, dir string) ([]fetchedModule, error) {
	// A repository that has the tags and nothing else, and the objects of the work tree's.
	repository := filepath.Join(dir, "repository.git")
	objects, err := git(ctx, r.Root, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return nil, err
	}
	if _, err := git(ctx, r.Root, "init", "-q", "--bare", repository); err != nil {
		return nil, err
	}
	alternates := filepath.Join(repository, "objects", "info", "alternates")
	if err := os.WriteFile(alternates, []byte(objects+"\n"), 0o600); err != nil {
		return nil, err
	}
	for _, tag := range r.Tags() {
		if _, err := git(ctx, repository, "update-ref", "refs/tags/"+tag, commit); err != nil {
			return nil, err
		}
	}
	args := []string{"mod", "download", "-json"}
	for _, folder := range Modules {
		args = append(args, modulePath(folder)+"@"+r.Version)
	}
	said, err := goCommand(ctx, dir, []string{
		"GOMODCACHE=" + dir, "GOPROXY=direct", "GONOPROXY=", "GOPRIVATE=", "GOSUMDB=off", "GOVCS=*:git",
		"GOFLAGS=-modcacherw", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url.file://" + repository + ".insteadOf",
		"GIT_CONFIG_VALUE_0=https://" + ours,
	}, args...)
	if err != nil {
		return nil, err
	}
	var out []fetchedModule
	for d := json.NewDecoder(strings.NewReader(string(said))); d.More(); {
		var m fetchedModule
		if err := d.Decode(&m); err != nil {
			return nil, err
		}
		if m.Error != "" || m.Sum == "" {
			return nil, fmt.Errorf("fetch %s: %s", m.Path, m.Error)
		}
		out = append(out, m)
	}
	return out, nil
}
