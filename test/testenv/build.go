package testenv

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// CacheDir returns the directory that keeps the built programs: $DROVER_TESTENV_CACHE, or drover/testenv below the
// user's cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("DROVER_TESTENV_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a place for built programs: %w; set DROVER_TESTENV_CACHE to a directory", err)
	}
	return filepath.Join(dir, "drover", "testenv"), nil
}

// Binaries returns the paths of the named programs by their names, having built from source, into CacheDir, those that
// are missing; progress goes to w. Without names these are all that the package itself starts. When KUBEBUILDER_ASSETS
// names a directory, the programs that are in there are used as they are.
//
// Programs are built one at a time, etcd and kube-apiserver first. Processes that call this at the same time wait for
// the one that builds.
func Binaries(ctx context.Context, w io.Writer, names ...string) (map[string]string, error) {
	chosen, err := selectTools(names)
	if err != nil {
		return nil, err
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	paths := map[string]string{}
	var missing []*build
	for _, t := range chosen {
		if given := filepath.Join(os.Getenv("KUBEBUILDER_ASSETS"), t.name); os.Getenv("KUBEBUILDER_ASSETS") != "" && isFile(given) {
			paths[t.name] = given
			continue
		}
		b, err := newBuild(t, cache)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", t.name, err)
		}
		paths[t.name] = b.path
		if !b.whole() {
			missing = append(missing, b)
		}
	}
	if len(missing) == 0 {
		return paths, nil
	}
	return paths, buildAll(ctx, w, cache, missing)
}

// buildAll builds what is missing, unless another process does so first.
func buildAll(ctx context.Context, w io.Writer, cache string, missing []*build) error {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return fmt.Errorf("make the cache of built programs: %w; DROVER_TESTENV_CACHE names another place", err)
	}
	fmt.Fprintf(w, "testenv: %d program(s) to build from source into %s, once\n", len(missing), cache)
	for i, b := range missing {
		lock, err := lockBuilds(ctx, w, cache)
		if err != nil {
			return fmt.Errorf("wait for another process to build %s: %w", b.name, err)
		}
		if !b.whole() {
			b.progress = &progress{w: w, lock: lock, label: fmt.Sprintf("[%d/%d] %s %s", i+1, len(missing), b.name, b.version), begun: time.Now()}
			err = b.run(ctx)
		}
		lock.Close()
		if err != nil {
			return fmt.Errorf("build %s: %w", b.name, err)
		}
	}
	return nil
}

// build is the making of one program.
type build struct {
	tool
	source   string // directory of its module
	version  string
	path     string // where the program is kept
	progress *progress
}

// newBuild says where t comes from and where below cache it is kept.
func newBuild(t tool, cache string) (*build, error) {
	source, err := t.dir()
	if err != nil {
		return nil, err
	}
	version, err := t.version(source)
	if err != nil {
		return nil, err
	}
	home, err := t.home(source, version)
	if err != nil {
		return nil, err
	}
	return &build{tool: t, source: source, version: version, path: filepath.Join(cache, home, t.name)}, nil
}

// seal is written beside a program once it is whole, and tells whether it still is.
type seal struct {
	Size    int64     `json:"size"`
	ModTime time.Time `json:"modTime"`
}

// whole reports whether the program is there, and is the file that was put there.
func (b *build) whole() bool {
	var s seal
	text, err := os.ReadFile(b.path + ".seal")
	if err != nil || json.Unmarshal(text, &s) != nil {
		return false
	}
	info, err := os.Stat(b.path)
	return err == nil && info.Size() == s.Size && info.ModTime().Equal(s.ModTime)
}

// run builds the program aside and then moves it to its place, so that nobody ever starts half of one.
func (b *build) run(ctx context.Context) error {
	if _, err := exec.LookPath("go"); err != nil {
		return fmt.Errorf("%w: install Go, or set KUBEBUILDER_ASSETS to a directory with kube-apiserver and etcd", err)
	}
	home := filepath.Dir(b.path)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(home, ".building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	made := filepath.Join(aside, b.name)
	if err := b.compile(ctx, made); err != nil {
		return err
	}
	info, err := flush(made)
	if err != nil {
		return err
	}
	if err := os.Rename(made, b.path); err != nil {
		return err
	}
	text, err := json.Marshal(seal{info.Size(), info.ModTime()})
	if err != nil {
		return err
	}
	return os.WriteFile(b.path+".seal", text, 0o644)
}

// flush has the file written to disk before it is renamed: after a power cut the name must not lead to an empty file.
func flush(path string) (os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return nil, err
	}
	return f.Stat()
}

// compile runs the Go compiler, and counts the packages as they come.
func (b *build) compile(ctx context.Context, out string) error {
	flags := b.flags(b.version)
	stop := b.progress.start()
	defer stop()
	list, err := b.goCommand(ctx, nil, append(append([]string{"list", "-deps", "-f", "{{if and .Stale (ne .Name \"main\")}}{{.ImportPath}}{{end}}"}, flags...), b.pkg)...)
	if err != nil {
		return err
	}
	b.progress.expect(len(bytes.Fields(list)))
	_, err = b.goCommand(ctx, b.progress.compiled, append(append([]string{"build", "-v", "-o", out}, flags...), b.pkg)...)
	return err
}

// goCommand runs the go command in the tool's module and returns its output; each line of its standard error goes to
// line too.
func (b *build) goCommand(ctx context.Context, line func(string), args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = b.source
	// GOWORK: the tools' graphs disagree with the workspace's. CGO_ENABLED: no C compiler is asked for. GOGC: compilers
	// live shortly, and with a lazier collector need a tenth less processor time.
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOGC=400")
	cmd.SysProcAttr = childAttr()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the compilers too
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := launch(cmd.Start); err != nil {
		return nil, err
	}
	var said []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		said = append(said, lines.Text())
		if line != nil {
			line(lines.Text())
		}
	}
	if err := cmd.Wait(); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fmt.Errorf("go %s in %s: %w; it ended with:\n%s", args[0], b.source, err, lastLines(said, 20))
	}
	return stdout.Bytes(), nil
}

// lastLines joins the last n of lines.
func lastLines(lines []string, n int) string {
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// progress tells people, and processes that wait, how far a build is.
type progress struct {
	w     io.Writer
	lock  *os.File // holds the last line, for those who wait
	label string
	begun time.Time

	mu          sync.Mutex
	counted     bool // whether total is known
	done, total int
}

// start reports every 5 seconds until the returned function is called, which reports the end.
func (p *progress) start() (stop func()) {
	fmt.Fprintf(p.w, "testenv: %s: building\n", p.label)
	quit := make(chan struct{})
	var told sync.WaitGroup
	told.Go(func() {
		tick := time.NewTicker(5 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				p.tell()
			}
		}
	})
	return func() {
		close(quit)
		told.Wait()
		fmt.Fprintf(p.w, "testenv: %s: ended after %s\n", p.label, time.Since(p.begun).Round(time.Second))
	}
}

// expect sets how many packages will be compiled.
func (p *progress) expect(total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counted, p.total = true, total
	if total > 500 {
		fmt.Fprintf(p.w, "testenv: %s: %d packages to compile; from nothing, all programs together take about 8 minutes on two cores\n", p.label, total)
	}
}

// compiled counts the lines of go build -v that name a package; the others tell of downloads.
func (p *progress) compiled(line string) {
	if strings.ContainsAny(line, " :") {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
}

// tell writes one line of progress.
func (p *progress) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	state := "fetching sources"
	switch {
	case !p.counted:
	case p.done >= p.total:
		state = "linking"
	default:
		state = fmt.Sprintf("%3d %% (%d of %d packages)", 100*p.done/p.total, p.done, p.total)
	}
	line := fmt.Sprintf("testenv: %s: %s, %s", p.label, state, time.Since(p.begun).Round(time.Second))
	fmt.Fprintln(p.w, line)
	if p.lock.Truncate(0) == nil {
		_, _ = p.lock.WriteAt([]byte(line), 0) // only a courtesy
	}
}
