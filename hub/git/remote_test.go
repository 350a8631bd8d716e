package git

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/drover-dev/drover/hub/git/access"
	"github.com/drover-dev/drover/hub/git/gittest"
)

func TestRemoteIsMirrored(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a/b", "1")
	r.Git("tag", "v1")
	srv := gittest.Serve(t)
	url := srv.Push(r, "fleet.git")
	r.Git("push", "-q", filepath.Join(srv.Dir, "fleet.git"), "--tags")
	dir := filepath.Join(t.TempDir(), "data", "git")
	s := open(t, Options{URL: url, Dir: dir, PollInterval: watched})
	first := next(t, s, "")
	wantHash(t, first, one)
	if b := first.Revision().Branch; b != "main" {
		t.Errorf("branch is %q", b)
	}
	if refs := gittest.Git(t, filepath.Join(dir, MirrorLink), "for-each-ref", "--format=%(refname)"); refs != "refs/heads/main" {
		t.Errorf("mirror has %s", refs)
	}

	two := r.Commit("a/b", "2")
	srv.Push(r, "fleet.git")
	s.Poke()
	snap := next(t, s, one)
	wantHash(t, snap, two)
	changed, err := snap.Changes(first)
	if err != nil || len(changed) != 1 || changed[0] != "a/b" || gittest.Read(t, first, "a/b") != "1" {
		t.Errorf("changed %q, %v", changed, err)
	}

	r.Git("reset", "-q", "--hard", one) // pushed with force
	three := r.Commit("a/b", "3")
	srv.Push(r, "fleet.git", "--force")
	s.Poke()
	wantHash(t, next(t, s, two), three)

	before := srv.Requests.Load()
	again := open(t, Options{URL: url, Dir: dir, PollInterval: watched}) // a restart lists, and fetches nothing
	wantHash(t, next(t, again, ""), three)
	if n := srv.Requests.Load() - before; n != 1 {
		t.Errorf("restart took %d requests", n)
	}
	gittest.Git(t, filepath.Join(dir, MirrorLink), "fsck", "--strict")
}

func TestRemoteIsPolled(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit()
	srv := gittest.Serve(t)
	s := open(t, Options{URL: srv.Push(r, "fleet.git"), Dir: t.TempDir(), PollInterval: 20 * time.Millisecond})
	wantHash(t, next(t, s, ""), one)
	two := r.Commit()
	srv.Push(r, "fleet.git")
	wantHash(t, next(t, s, one), two)
}

func TestDefaultBranchIsFollowed(t *testing.T) {
	r := gittest.New(t)
	r.Commit()
	r.Git("switch", "-q", "-c", "trunk")
	two := r.Commit()
	srv := gittest.Serve(t)
	s := open(t, Options{URL: srv.Push(r, "fleet.git"), Dir: t.TempDir()})
	one := next(t, s, "").Revision().Hash
	gittest.Git(t, filepath.Join(srv.Dir, "fleet.git"), "symbolic-ref", "HEAD", "refs/heads/trunk")
	s.Poke()
	snap := next(t, s, one)
	wantHash(t, snap, two)
	if b := snap.Revision().Branch; b != "trunk" {
		t.Errorf("branch is %s", b)
	}
}

func TestLogin(t *testing.T) {
	const secret = "s3cr3t/+ü"
	r := gittest.New(t)
	one := r.Commit()
	srv := gittest.Serve(t)
	url := srv.Push(r, "fleet.git")
	srv.Password.Store(secret)
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("FLEET_PASSWORD", secret)
	inURL := strings.Replace(url, "://", "://ada:s3cr3t%2F+%C3%BC@", 1)
	for name, opts := range map[string]Options{
		"URL":    {URL: inURL},
		"plain":  {URL: url, Auth: access.Auth{Username: "ada", Password: secret}},
		"file":   {URL: url, Auth: access.Auth{PasswordFile: file}},
		"env":    {URL: url, Auth: access.Auth{PasswordEnv: "FLEET_PASSWORD"}},
		"token":  {URL: strings.Replace(url, "://", "://s3cr3t%2F+%C3%BC@", 1)},
		"better": {URL: strings.Replace(url, "://", "://ada:old@", 1), Auth: access.Auth{PasswordFile: file}},
	} {
		t.Run(name, func(t *testing.T) {
			log, logged := gittest.Logger()
			opts.Dir, opts.Log = t.TempDir(), log
			s := open(t, opts)
			wantHash(t, next(t, s, ""), one)
			srv.Password.Store("changed")
			defer srv.Password.Store(secret)
			text := nextError(t, s, one, url, "the login was refused", "check user, password")
			everything := text + logged.String() + filesBelow(t, opts.Dir)
			for _, s := range []string{secret, "s3cr3t"} {
				if strings.Contains(everything, s) {
					t.Errorf("the secret shows in: %s", everything)
				}
			}
			if !strings.Contains(logged.String(), "unencrypted") {
				t.Errorf("log does not warn of http: %s", logged)
			}
		})
	}
}

func filesBelow(t testing.TB, dir string) string {
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			all.Write(data)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

func TestRemoteErrors(t *testing.T) {
	r := gittest.New(t)
	r.Commit()
	for _, b := range []string{"a", "b", "c", "d", "e"} {
		r.Git("branch", b)
	}
	srv := gittest.Serve(t)
	url := srv.Push(r, "fleet.git")
	gittest.Git(t, "", "init", "-q", "--bare", filepath.Join(srv.Dir, "empty.git"))
	gittest.Git(t, "", "init", "-q", "--bare", "-b", "gone", filepath.Join(srv.Dir, "headless.git"))
	r.Git("push", "-q", filepath.Join(srv.Dir, "headless.git"), "main")
	makeSHA256(t, filepath.Join(srv.Dir, "new.git"))
	private := gittest.Serve(t)
	private.Push(r, "fleet.git")
	private.Password.Store("x")
	forbidden, failing := gittest.Serve(t), gittest.Serve(t)
	forbidden.Broken.Store(403)
	failing.Broken.Store(500)
	closed := fmt.Sprintf("http://127.0.0.1:%d/fleet.git", gittest.FreePort(t))
	t.Setenv("SSH_AUTH_SOCK", "")
	for name, tt := range map[string]struct {
		opts Options
		want []string
	}{
		"branch":       {Options{URL: url, Branch: "nope"}, []string{url, "it has no branch nope", "one of a, b, c, d, e and 1 more"}},
		"repository":   {Options{URL: srv.URL + "/other.git"}, []string{srv.URL + "/other.git", "there is no such repository", "check the URL"}},
		"empty":        {Options{URL: srv.URL + "/empty.git"}, []string{"it is empty", "push a commit"}},
		"headless":     {Options{URL: srv.URL + "/headless.git"}, []string{"its HEAD names no branch", "one of main"}},
		"sha256":       {Options{URL: srv.URL + "/new.git"}, []string{srv.URL + "/new.git", "sha256", "object format is sha256", "only sha1 is supported"}},
		"login":        {Options{URL: private.URL + "/fleet.git"}, []string{"asks for a login", "give a user and a token"}},
		"forbidden":    {Options{URL: forbidden.URL + "/fleet.git"}, []string{"access is forbidden", "let the user or token read"}},
		"failing":      {Options{URL: failing.URL + "/fleet.git"}, []string{"status code: 500", "server's log"}},
		"refused":      {Options{URL: closed}, []string{closed, "refuses connections", "that the server runs"}},
		"host":         {Options{URL: "https://ada:pw@nowhere.invalid/x.git"}, []string{"read repository https://nowhere.invalid/x.git", "host nowhere.invalid"}},
		"not git":      {Options{URL: notGit(t)}, []string{"check that the URL leads to a Git repository"}},
		"no ssh key":   {Options{URL: "git@127.0.0.1:x.git"}, []string{"read repository git@127.0.0.1:x.git", "there is no key for ssh", "give a key file"}},
		"key file":     {Options{URL: "git@127.0.0.1:x.git", Auth: access.Auth{KeyFile: "/nonexistent/key"}}, []string{"read the key for ssh", "/nonexistent/key"}},
		"password env": {Options{URL: url, Auth: access.Auth{PasswordEnv: "DROVER_UNSET"}}, []string{"DROVER_UNSET, which is not set", "set it"}},
		"password":     {Options{URL: url, Auth: access.Auth{PasswordFile: "/nonexistent/pw"}}, []string{"read the password file", "/nonexistent/pw"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.opts.Dir = t.TempDir()
			text := nextError(t, open(t, tt.opts), "", append(tt.want, "read repository ")...)
			if strings.Contains(text, "ada") || strings.Contains(text, "pw@") {
				t.Errorf("credentials in: %s", text)
			}
			if left, _ := os.ReadDir(tt.opts.Dir); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func makeSHA256(t testing.TB, bare string) {
	t.Helper()
	r := gittest.New(t, "--object-format=sha256")
	r.Commit("a", "1")
	gittest.Git(t, "", "clone", "-q", "--bare", r.Dir, bare)
}

// notGit serves something else.
func notGit(t testing.TB) string {
	srv := gittest.Serve(t)
	if err := os.MkdirAll(filepath.Join(srv.Dir, "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.0 200 OK\r\n\r\n<html>hello</html>"))
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String() + "/x"
}

func TestCertificates(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit()
	srv := gittest.ServeWith(t, httptest.NewTLSServer)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	url := srv.Push(r, "fleet.git")
	nextError(t, open(t, Options{URL: url, Dir: t.TempDir()}), "", url, "authority that is not trusted", "as CA file")
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	wantHash(t, next(t, open(t, Options{URL: url, Dir: t.TempDir(), Auth: access.Auth{CAFile: file}}), ""), one)
}

func TestEmptyIsFilled(t *testing.T) {
	srv := gittest.Serve(t)
	gittest.Git(t, "", "init", "-q", "--bare", "-b", "main", filepath.Join(srv.Dir, "fleet.git"))
	s := open(t, Options{URL: srv.URL + "/fleet.git", Dir: t.TempDir(), PollInterval: 10 * time.Millisecond})
	nextError(t, s, "", "it is empty")
	r := gittest.New(t)
	one := r.Commit()
	srv.Push(r, "fleet.git")
	wantHash(t, next(t, s, ""), one)
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	r := gittest.New(t)
	r.Commit()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{URL: gittest.Serve(t).Push(r, "fleet.git"), Dir: filepath.Join(file, "dir")})
	nextError(t, s, "", "make a folder for the mirror", file)
}

// A failed attempt changes nothing, and what comes after it works without a restart.
func TestRecovery(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	srv := gittest.Serve(t)
	url := srv.Push(r, "fleet.git")
	dir := t.TempDir()
	s := open(t, Options{URL: url, Dir: dir, PollInterval: 10 * time.Millisecond})
	first := next(t, s, "")
	for _, code := range []int64{500, 403, 404} {
		srv.Broken.Store(code)
		nextError(t, s, one, url)
		if gittest.Read(t, first, "a") != "1" {
			t.Fatal("the snapshot changed")
		}
	}
	// A start with the server away works with what there is, and says so at the second call.
	away := open(t, Options{URL: url, Dir: dir, PollInterval: 10 * time.Millisecond})
	wantHash(t, next(t, away, ""), one)
	nextError(t, away, one, url)
	srv.Broken.Store(0)
	two := r.Commit("a", "2")
	srv.Push(r, "fleet.git")
	wantHash(t, next(t, away, one), two)
	if gittest.Read(t, first, "a") != "1" {
		t.Error("the snapshot from before the restart changed")
	}
}

// A server that breaks in the middle leaves neither half a mirror nor a changed one.
func TestTransferBreaks(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	srv := gittest.Serve(t)
	dir := t.TempDir()
	s := open(t, Options{URL: srv.Push(r, "fleet.git"), Dir: dir, PollInterval: 10 * time.Millisecond})
	srv.NoPacks.Store(true)
	nextError(t, s, "", "status code: 503")
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	srv.NoPacks.Store(false)
	snap := next(t, s, "")
	srv.NoPacks.Store(true)
	two := r.Commit("a", "2")
	srv.Push(r, "fleet.git")
	nextError(t, s, one, "status code: 503")
	if h := gittest.Git(t, filepath.Join(dir, MirrorLink), "rev-parse", "main"); h != one || gittest.Read(t, snap, "a") != "1" {
		t.Errorf("the mirror is at %s", h)
	}
	srv.NoPacks.Store(false)
	wantHash(t, next(t, s, one), two)
}

func TestRemoteEndsWithItsContext(t *testing.T) {
	r := gittest.New(t)
	r.Commit("a", "1")
	srv := gittest.Serve(t)
	srv.Hang.Store(true)
	s := open(t, Options{URL: srv.Push(r, "fleet.git"), Dir: t.TempDir()})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	begin := time.Now()
	if _, err := s.Next(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	srv.Hang.Store(false)
	next(t, s, "")
}

func TestDamagedMirror(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", strings.Repeat("content ", 1000), "b", "1")
	srv := gittest.Serve(t)
	url := srv.Push(r, "fleet.git")
	packs := func(dir, pattern string) []string {
		list, _ := filepath.Glob(filepath.Join(dir, MirrorLink, "objects", "pack", pattern))
		if len(list) == 0 {
			t.Fatal("no packs in the mirror")
		}
		return list
	}
	write := func(path string, data []byte) {
		_ = os.Chmod(path, 0o644)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(dir string){
		"pack gone": func(dir string) { _ = os.Remove(packs(dir, "*.pack")[0]) },
		"pack cut": func(dir string) {
			_ = os.Chmod(packs(dir, "*.pack")[0], 0o644)
			_ = os.Truncate(packs(dir, "*.pack")[0], 50)
		},
		"index empty": func(dir string) { write(packs(dir, "*.idx")[0], nil) },
		"HEAD empty":  func(dir string) { write(filepath.Join(dir, MirrorLink, "HEAD"), nil) },
		"ref nonsense": func(dir string) {
			write(filepath.Join(dir, MirrorLink, "refs/heads/main"), []byte("nonsense\n"))
		},
		"link dangles": func(dir string) {
			_ = os.Remove(filepath.Join(dir, MirrorLink))
			_ = os.Symlink("nowhere", filepath.Join(dir, MirrorLink))
		},
		"another repository": func(dir string) {
			gittest.Git(t, filepath.Join(dir, MirrorLink), "config", "remote.origin.url", "https://example.com/other.git")
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			wantHash(t, next(t, open(t, Options{URL: url, Dir: dir}), ""), one)
			damage(dir)
			log, logged := gittest.Logger()
			s := open(t, Options{URL: url, Dir: dir, Log: log})
			snap := next(t, s, "")
			wantHash(t, snap, one)
			if gittest.Read(t, snap, "b") != "1" {
				t.Error("wrong content")
			}
			if !strings.Contains(logged.String(), "cloning it again") {
				t.Errorf("log is %q", logged)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, clonePrefix+"*")); len(left) != 1 {
				t.Errorf("clones that are left: %q", left)
			}
		})
	}
}

// inPack is where an object is in the one pack of a bare repository.
func inPack(t *testing.T, bare, id string) (pack string, offset int64) {
	t.Helper()
	packs, _ := filepath.Glob(filepath.Join(bare, "objects/pack/*.idx"))
	if len(packs) != 1 {
		t.Fatalf("the packs are %q", packs)
	}
	for line := range strings.Lines(gittest.Git(t, "", "verify-pack", "-v", packs[0])) {
		var kind string
		var size, stored int64
		rest, is := strings.CutPrefix(line, id+" ")
		if _, err := fmt.Sscan(rest, &kind, &size, &stored, &offset); is && err == nil {
			return strings.TrimSuffix(packs[0], ".idx") + ".pack", offset
		}
	}
	t.Fatalf("%s is not in %s", id, packs[0])
	return "", 0
}

// Damage that only shows when a file is read heals with the next look, also for snapshots that
// were handed out.
func TestDamageFoundLater(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1", "b", strings.Repeat("content ", 1000))
	srv := gittest.Serve(t)
	dir := t.TempDir()
	s := open(t, Options{URL: srv.Push(r, "fleet.git"), Dir: dir, PollInterval: 10 * time.Millisecond})
	snap := next(t, s, "")
	pack, offset := inPack(t, filepath.Join(dir, MirrorLink), r.Git("rev-parse", "HEAD:b"))
	f, err := os.OpenFile(pack, os.O_RDWR, 0)
	if errors.Is(err, os.ErrPermission) {
		_ = os.Chmod(pack, 0o644)
		f, err = os.OpenFile(pack, os.O_RDWR, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.WriteAt([]byte{0xff, 0xff, 0xff, 0xff}, offset+4)
	_ = f.Close()
	if _, err := snap.ReadFile("b"); err == nil || !strings.Contains(err.Error(), "unreadable") {
		t.Fatalf("damage was not noticed: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	looked := make(chan error, 1)
	go func() {
		_, err := s.Next(ctx, one) // looks until the branch moves, which it does not
		looked <- err
	}()
	var got []byte
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		if got, err = snap.ReadFile("b"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("b is still unreadable: %v", err)
		}
	}
	if string(got) != strings.Repeat("content ", 1000) {
		t.Error("wrong content")
	}
	cancel()
	if err := <-looked; err == nil {
		t.Error("the branch has not moved, and Next gave a snapshot")
	}
}

func TestInterruptedClone(t *testing.T) {
	r := gittest.New(t)
	one := r.Commit("a", "1")
	srv := gittest.Serve(t)
	url := srv.Push(r, "fleet.git")
	dir := t.TempDir()
	gittest.Git(t, "", "init", "-q", "--bare", filepath.Join(dir, clonePrefix+"1")) // killed in the middle
	wantHash(t, next(t, open(t, Options{URL: url, Dir: dir}), ""), one)
	// Killed in a fetch: part of a pack is there.
	part := filepath.Join(dir, MirrorLink, "objects", "pack", "tmp_pack_1")
	for _, name := range []string{part, filepath.Join(filepath.Dir(part), "pack-0123456789012345678901234567890123456789.idx")} {
		if err := os.WriteFile(name, []byte("PACK"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	two := r.Commit("a", "2")
	srv.Push(r, "fleet.git")
	wantHash(t, next(t, open(t, Options{URL: url, Dir: dir}), one), two)
	if _, err := os.Stat(part); err == nil {
		t.Error("the part is still there")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, clonePrefix+"*")); len(left) != 1 {
		t.Errorf("clones that are left: %q", left)
	}
}

func TestManyPacksAreCloned(t *testing.T) {
	r := gittest.New(t)
	hash := r.Commit("a", "0")
	srv := gittest.Serve(t)
	s := open(t, Options{URL: srv.Push(r, "fleet.git"), Dir: t.TempDir(), PollInterval: 5 * time.Millisecond})
	s.origin.(*remote).crowd = 3
	first := next(t, s, "")
	for i := range 6 {
		want := r.Commit("a", fmt.Sprint(i+1))
		srv.Push(r, "fleet.git")
		wantHash(t, next(t, s, hash), want)
		hash = want
	}
	if n := s.origin.(*remote).mirror.Packs(); n > 4 {
		t.Errorf("mirror has %d packs", n)
	}
	if gittest.Read(t, first, "a") != "0" {
		t.Error("the first snapshot is not what it was")
	}
}
