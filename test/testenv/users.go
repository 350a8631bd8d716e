package testenv

import (
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
)

// spareUsers is how many users a control plane has that get a name when somebody asks for one: the API server reads its
// users only once, when it starts.
const spareUsers = 1000

// users are the users of a control plane: its own parts, those of WithUsers, and spare ones. All are administrators.
type users struct {
	lines  strings.Builder // as the API server reads them
	tokens map[string]string

	mu    sync.Mutex // guards what follows
	spare []string   // names of spare users without a use
	alias map[string]string
	named map[string]string // the inverse of alias
}

// newUsers makes the users that names says, and the spare ones.
func newUsers(names ...string) *users {
	u := &users{tokens: map[string]string{}, alias: map[string]string{}, named: map[string]string{}}
	for _, name := range names {
		u.add(name)
	}
	for i := range spareUsers {
		name := fmt.Sprintf("testenv-spare-%d", i)
		u.add(name)
		u.spare = append(u.spare, name)
	}
	return u
}

// add makes a user, who has a token from then on.
func (u *users) add(name string) {
	token := rand.Text()
	u.tokens[name] = token
	fmt.Fprintf(&u.lines, "%s,%s,%s,system:masters\n", token, name, name)
}

// token returns the token of a user. One that has none yet becomes a spare user.
func (u *users) token(name string) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if token, ok := u.tokens[name]; ok {
		return token, nil
	}
	spare, ok := u.alias[name]
	if !ok {
		if len(u.spare) == 0 {
			return "", fmt.Errorf("user %s: all %d spare users of the control plane are in use", name, spareUsers)
		}
		spare, u.spare = u.spare[0], u.spare[1:]
		u.alias[name], u.named[spare] = spare, name
	}
	return u.tokens[spare], nil
}

// nameOf returns the name by which a user of the API server was asked for.
func (u *users) nameOf(user string) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if name, ok := u.named[user]; ok {
		return name
	}
	return user
}

// UserToken returns the bearer token of the user of this name, an administrator, so that what a program asks for is told
// from what others ask for; see Requests. Any name will do; each has a user of its own.
func (cp *ControlPlane) UserToken(name string) (string, error) { return cp.users.token(name) }

// UserKubeconfig writes a kubeconfig of the user of this name, and returns its path; see UserToken.
func (cp *ControlPlane) UserKubeconfig(name string) (string, error) {
	token, err := cp.UserToken(name)
	if err != nil {
		return "", err
	}
	file := cp.dir.File("user-" + name + ".kubeconfig")
	return file, cp.writeKubeconfig(file, name, token)
}
