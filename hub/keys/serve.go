package keys

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"

	"github.com/drover-dev/drover/internal/memory"
)

// Bounds on the process, and on the files with keys.
const (
	maxMemory     = 256 << 20
	maxFile       = 64 << 10
	maxIdentities = 16
)

// greeting is what the process says first.
const greeting = "drover keys 1\n"

// job asks for an object to be decrypted with the keys in files.
type job struct {
	Files  []string
	Object []byte
}

// answer is the object, or why it is not decrypted.
type answer struct {
	Object []byte
	Err    string
	Unfit  bool // nothing is wrong with the object: others may have a key for it
}

// Serve is the life of the process: it decrypts what it is asked on in, until that ends. It bounds the memory of the
// whole process, so a program calls it instead of anything else.
func Serve(in io.Reader, out io.Writer) error {
	if err := memory.Limit(maxMemory); err != nil {
		return fmt.Errorf("bound the memory of the process that decrypts: %w", err)
	}
	if _, err := io.WriteString(out, greeting); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	recv, send := gob.NewDecoder(in), gob.NewEncoder(out)
	for {
		var j job
		if err := recv.Decode(&j); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read what is to be decrypted: %w", err)
		}
		if err := send.Encode(j.do()); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
}

// do decrypts.
func (j job) do() (a answer) {
	ids, err := identities(j.Files)
	if err == nil {
		a.Object, err = decrypt(ids, j.Object)
	}
	if err != nil {
		a.Err = err.Error()
		_, a.Unfit = errors.AsType[*unfit](err)
	}
	return a
}

// identities reads files with keys. Its errors quote nothing of them.
func identities(files []string) (ids []age.Identity, err error) {
	for _, file := range files {
		f, err := os.Open(file)
		if err != nil {
			return nil, errors.New("a file with a key cannot be read: may the hub's user read it?")
		}
		data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
		_ = f.Close()
		if err != nil || len(data) > maxFile {
			return nil, errors.New("a file with a key cannot be read: has it a key of age alone?")
		}
		more, err := age.ParseIdentities(bytes.NewReader(data))
		if err != nil {
			return nil, errors.New("a file with a key holds no identity of age: write there what age-keygen gives")
		}
		ids = append(ids, more...)
	}
	if len(ids) > maxIdentities {
		return nil, fmt.Errorf("there are more than %d identities of age in the files: take those out that are not "+
			"used any more", maxIdentities)
	}
	return ids, nil
}
