package keys

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/drover-dev/drover/hub/model"
	"github.com/drover-dev/drover/internal/process"
)

// suffix ends the names of files with keys.
const suffix = ".agekey"

const (
	// maxTime bounds one object.
	maxTime = 3 * time.Second
	// idleTime is how long the process is kept without work.
	idleTime = 30 * time.Second
	// maxRefused bounds what is remembered of objects that are not decrypted.
	maxRefused = 1000
)

// Holder has the keys of a folder. It is safe for concurrent use.
type Holder struct {
	dir     string
	command []string

	mu      sync.Mutex // guards what follows, and the process
	process *process.Process
	idle    *time.Timer
	// refused are the objects that these files do not decrypt: what takes long is tried once.
	refused map[[sha256.Size]byte]error
}

var _ model.Keys = (*Holder)(nil)

// New gives a Holder of the keys in a folder, "" for none. It decrypts in a process that is started as command: a
// program
// that calls Serve with its standard input and output.
func New(dir string, command ...string) *Holder {
	return &Holder{dir: dir, command: command, refused: map[[sha256.Size]byte]error{}}
}

// Close ends the process.
func (h *Holder) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.end()
}

// Decrypt implements model.Keys.
func (h *Holder) Decrypt(ctx context.Context, names []string, object []byte) ([]byte, error) {
	if len(object) > maxObject {
		return nil, fmt.Errorf("it has more than %d MiB: split it", maxObject>>20)
	}
	files, stamp, err := h.files(names)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(append([]byte(stamp), object...))
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.refused[sum]; err != nil {
		return nil, err
	}
	a, err := h.ask(ctx, job{files, object})
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
	case a.Unfit:
		err = &model.UnfitError{Text: a.Err}
	case a.Err != "":
		err = errors.New(a.Err)
	default:
		return a.Object, nil
	}
	if _, transient := errors.AsType[*model.TransientError](err); !transient {
		if len(h.refused) >= maxRefused {
			clear(h.refused)
		}
		h.refused[sum] = err
	}
	return nil, err
}

// files are those of keys, with what tells when they change.
func (h *Holder) files(names []string) (files []string, stamp string, err error) {
	if h.dir == "" {
		return nil, "", fmt.Errorf("the project permits %s of the hub (spec.hubKeys), and the hub has no keys: let "+
			"who runs it put "+
			"a file NAME%s with an age identity into a folder, and start it with --credentials-dir", named(names), suffix)
	}
	var missing []string
	for _, name := range names {
		if !valid(name) {
			return nil, "", fmt.Errorf("%.80q is no name of a key: correct spec.hubKeys of the project", name)
		}
		file := filepath.Join(h.dir, name+suffix)
		info, err := os.Stat(file)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, name)
			continue
		case err != nil:
			return nil, "", fmt.Errorf("the key %s of the hub cannot be read: may the hub's user read %s%s?", name, name, suffix)
		case !info.Mode().IsRegular() || info.Size() > maxFile:
			return nil, "", fmt.Errorf("the key %s of the hub is no file with an age identity: write there what "+
				"age-keygen gives", name)
		case info.Mode().Perm()&0o022 != 0 && !isMounted(file):
			return nil, "", fmt.Errorf("the key %s of the hub may be written by others than its owner (mode %04o): "+
				"chmod go-w it", name,
				info.Mode().Perm())
		}
		files = append(files, file)
		stamp += fmt.Sprintf("%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
	}
	if len(files) == 0 {
		return nil, "", fmt.Errorf("the project permits %s of the hub (spec.hubKeys), and the hub has none of this "+
			"name: let who runs it "+
			"put a file with an age identity into its --credentials-dir, as NAME%s", named(missing), suffix)
	}
	return files, stamp, nil
}

func named(names []string) string {
	if len(names) == 1 {
		return "the key " + names[0]
	}
	return "the keys " + strings.Join(names, ", ")
}

// valid says whether a name can be that of a key. It leads to no other folder.
func valid(name string) bool {
	return name != "" && len(name) <= 63 && name[0] != '.' &&
		strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// isMounted says whether a file is one of a volume that the kubelet writes: a link through ..data.
func isMounted(file string) bool {
	to, err := os.Readlink(file)
	return err == nil && strings.HasPrefix(to, "..data/")
}

// ask has the process decrypt. h.mu is held.
func (h *Holder) ask(ctx context.Context, j job) (a answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	used := h.process != nil
	for {
		if h.process == nil {
			if h.process, err = process.Start(h.command, greeting); err != nil {
				return a, &model.TransientError{Err: fmt.Errorf("the process that decrypts cannot be started: %w", err)}
			}
		}
		p := h.process
		stop := context.AfterFunc(ctx, p.Kill)
		if err = p.Send.Encode(j); err == nil {
			err = p.Recv.Decode(&a)
		}
		if stop() && err == nil {
			h.rest()
			return a, nil
		}
		p.Kill()
		said := process.FirstLine(p.Said())
		h.end()
		switch {
		case ctx.Err() != nil:
			return a, fmt.Errorf("it was not decrypted within %s: has it very many recipients or values?", maxTime)
		case used && said == "":
			used = false // it was ended from outside while it was idle
			continue
		}
		return a, errors.New("the process that decrypts ended over it: encrypt it again, or split it")
	}
}

// rest has the process end when it is not used for a while. h.mu is held.
func (h *Holder) rest() {
	if h.idle != nil {
		h.idle.Stop()
	}
	h.idle = time.AfterFunc(idleTime, h.Close)
}

// end ends the process. h.mu is held.
func (h *Holder) end() {
	if h.idle != nil {
		h.idle.Stop()
		h.idle = nil
	}
	if h.process != nil {
		h.process.End()
		h.process = nil
	}
}
