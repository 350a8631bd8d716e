package webhook

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"
)

const (
	secret     = "0123456789abcdef-secret"
	documented = "It's a Secret to Every" + "body" // of GitHub's and Bitbucket's documentation
)

// pushes are what the servers document that they send, cut down; the address and the commit are what is looked for.
var pushes = []struct {
	name, body, commit string
	kind               Kind
	header             map[string]string // beside what proves the secret
	of                 []string          // addresses that it is about
}{
	{kind: GitHub, name: "push", header: map[string]string{"X-GitHub-Event": "push"},
		commit: "6113728f27ae82c7b1a177c8d03f9e96e0adf246",
		body: `{"ref":"refs/heads/main","before":"0000000000000000000000000000000000000000",
			"after":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","repository":{"id":186853002,"name":"Hello-World",
			"full_name":"Codertocat/Hello-World","html_url":"https://github.com/Codertocat/Hello-World",
			"git_url":"git://github.com/Codertocat/Hello-World.git","ssh_url":"git@github.com:Codertocat/Hello-World.git",
			"clone_url":"https://github.com/Codertocat/Hello-World.git"},"pusher":{"name":"Codertocat"},"commits":[]}`,
		of: []string{"https://github.com/Codertocat/Hello-World", "git@github.com:codertocat/hello-world.git",
			"ssh://git@ssh.github.com:443/Codertocat/Hello-World.git"}},
	{kind: GitHub, name: "push as a form",
		header: map[string]string{"X-GitHub-Event": "push", "Content-Type": "application/x-www-form-urlencoded"},
		body:   `payload=%7B%22repository%22%3A%7B%22clone_url%22%3A%22https%3A%2F%2Fgithub.com%2Fa%2Fb.git%22%7D%7D`,
		of:     []string{"https://github.com/a/b"}},
	{kind: GitLab, name: "push", header: map[string]string{"X-Gitlab-Event": "Push Hook"},
		commit: "da1560886d4f094c3e6c9ef40349f7d38b5d27d7",
		body: `{"object_kind":"push","event_name":"push","before":"95790bf891e76fee5e1747ab589903a6a1f80f22",
			"after":"da1560886d4f094c3e6c9ef40349f7d38b5d27d7","ref":"refs/heads/master","project":{"id":15,"name":"Diaspora",
			"web_url":"http://example.com/mike/diaspora","git_ssh_url":"git@example.com:mike/diaspora.git",
			"git_http_url":"http://example.com/mike/diaspora.git"},"commits":[]}`,
		of: []string{"https://example.com/mike/diaspora.git", "git@example.com:mike/diaspora.git"}},
	{kind: GitLab, name: "push of a system hook", header: map[string]string{"X-Gitlab-Event": "System Hook"},
		body: `{"event_name":"push","project":{"git_http_url":"http://example.com/mike/diaspora.git"}}`,
		of:   []string{"ssh://git@example.com:2222/mike/diaspora.git"}},
	{kind: Gitea, name: "push", header: map[string]string{"X-Gitea-Event": "push"},
		commit: "bffeb74224043ba2feb48d137756c8a9331c449a",
		body: `{"ref":"refs/heads/develop","before":"28e1879d029cb852e4844d9c718537df08844e03",
			"after":"bffeb74224043ba2feb48d137756c8a9331c449a","commits":[],"repository":{"id":140,
			"full_name":"gitea/webhooks","html_url":"http://localhost:3000/gitea/webhooks",
			"ssh_url":"ssh://gitea@localhost:2222/gitea/webhooks.git","clone_url":"http://localhost:3000/gitea/webhooks.git"}}`,
		of: []string{"http://localhost:3000/gitea/webhooks", "gitea@localhost:gitea/webhooks.git"}},
	{kind: Bitbucket, name: "push", header: map[string]string{"X-Event-Key": "repo:push"},
		commit: "709d658dc5b6d6afcd46049c2f332ee3f515a67d",
		body: `{"actor":{},"repository":{"full_name":"team_name/repo_name",
			"links":{"html":{"href":"https://bitbucket.org/team_name/repo_name"}}},"push":{"changes":[{"new":{"type":"branch",
			"name":"name-of-branch","target":{"type":"commit","hash":"709d658dc5b6d6afcd46049c2f332ee3f515a67d"}}}]}}`,
		of: []string{"https://me@bitbucket.org/team_name/repo_name.git", "git@bitbucket.org:team_name/repo_name.git",
			"ssh://git@altssh.bitbucket.org:443/team_name/repo_name.git"}},
	{kind: Bitbucket, name: "deletion of a branch", header: map[string]string{"X-Event-Key": "repo:push"},
		body: `{"repository":{"full_name":"a/b"},"push":{"changes":[{"new":null}]}}`,
		of:   []string{"https://bitbucket.org/a/b"}},
	{kind: BitbucketServer, name: "push", header: map[string]string{"X-Event-Key": "repo:refs_changed"},
		commit: "178864a7d521b6f5e720b386b2c2b0ef8563e0dc",
		body: `{"eventKey":"repo:refs_changed","repository":{"slug":"repository","id":84,"project":{"key":"PROJECT"},
			"links":{"clone":[{"href":"ssh://git@bb.example.com:7999/project/repository.git","name":"ssh"},
			{"href":"https://bb.example.com/scm/project/repository.git","name":"http"}]}},
			"changes":[{"refId":"refs/heads/master","toHash":"178864a7d521b6f5e720b386b2c2b0ef8563e0dc","type":"UPDATE"}]}`,
		of: []string{"https://bb.example.com/scm/project/repository.git",
			"ssh://git@bb.example.com:7999/PROJECT/repository.git"}},
	{kind: BitbucketServer, name: "push without links", header: map[string]string{"X-Event-Key": "repo:refs_changed"},
		body: `{"repository":{"slug":"repository","project":{"key":"PROJECT"}},"changes":[]}`,
		of:   []string{"https://bb.example.com/scm/project/repository.git"}},
	{kind: Azure, name: "push", commit: "33b55f7cb7e7e245323987634f960cf4a6e6bc74",
		body: `{"eventType":"git.push","publisherId":"tfs","resource":{"commits":[],"refUpdates":[{"name":"refs/heads/master",
			"oldObjectId":"aad331d8d3b131fa9ae03cf5e53965b51942618a","newObjectId":"33b55f7cb7e7e245323987634f960cf4a6e6bc74"}],
			"repository":{"name":"Fabrikam-Fiber-Git","remoteUrl":"https://me@dev.azure.com/fabrikam/Fiber%20Git/_git/web"}}}`,
		of: []string{"https://dev.azure.com/fabrikam/Fiber%20Git/_git/web",
			"git@ssh.dev.azure.com:v3/fabrikam/Fiber%20Git/web",
			"https://fabrikam.visualstudio.com/DefaultCollection/Fiber%20Git/_git/web",
			"fabrikam@vs-ssh.visualstudio.com:v3/fabrikam/Fiber%20Git/web"}},
	{kind: Generic, name: "push that is said to be a form", body: `{"repository":"https://git.example.com/fleet"}`,
		header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
		of:     []string{"https://git.example.com/fleet.git"}},
	{kind: Generic, name: "push", commit: "abc",
		body: `{"repository":"https://git.example.com/fleet","ref":"main","commit":"abc"}`,
		of:   []string{"ssh://git@git.example.com/fleet.git"}},
}

// prove gives the headers that prove a secret, as the servers send them.
func prove(k Kind, body, secret string) map[string]string {
	signature := hex.EncodeToString(sum(secret, []byte(body)))
	return map[Kind]map[string]string{
		GitHub: {"X-Hub-Signature-256": "sha256=" + signature}, GitLab: {"X-Gitlab-Token": secret},
		Gitea: {"X-Gitea-Signature": signature}, Bitbucket: {"X-Hub-Signature": "sha256=" + signature},
		BitbucketServer: {"X-Hub-Signature": "sha256=" + signature},
		Azure:           {"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("drover:"+secret))},
		Generic:         {"X-Drover-Signature-256": "sha256=" + signature},
	}[k]
}

func header(all ...map[string]string) http.Header {
	h := http.Header{}
	for _, m := range all {
		for k, v := range m {
			h.Set(k, v)
		}
	}
	return h
}

func TestPushesOfEveryServerAreRead(t *testing.T) {
	t.Parallel()
	tried := map[Kind]bool{}
	for _, p := range pushes {
		tried[p.kind] = true
		h := header(p.header, prove(p.kind, p.body, secret))
		e, err := Read(p.kind, h, []byte(p.body), []string{"an older one, 16 characters", secret})
		if err != nil || !e.Push || e.Ping || p.commit != "" && e.Commit != p.commit {
			t.Errorf("%s %s: %+v, %v", p.kind, p.name, e, err)
		}
		for _, address := range p.of {
			if !e.Of(address) {
				t.Errorf("%s %s: %+v is not of %s", p.kind, p.name, e, address)
			}
		}
		for _, other := range []string{"", "/srv/fleet", "https://example.com/other", p.of[0] + "-other",
			"https://evil.example.com/" + p.of[0]} {
			if e.Of(other) && e.Path == "" {
				t.Errorf("%s %s: %+v is of %s", p.kind, p.name, e, other)
			}
		}
	}
	for _, k := range Kinds() {
		if !tried[Kind(k)] {
			t.Errorf("no push of %s is tried", k)
		}
	}
}

func TestRequestsThatProveNoSecretAreRefused(t *testing.T) {
	t.Parallel()
	for _, p := range pushes {
		for what, h := range map[string]http.Header{
			"nothing":        header(p.header),
			"another secret": header(p.header, prove(p.kind, p.body, "not the secret of it")),
			"no secret":      header(p.header, prove(p.kind, p.body, "")),
			"a signature of another body": header(p.header, prove(p.kind, p.body+" ", secret), map[string]string{
				"X-Gitlab-Token": secret + " ", "Authorization": "Bearer " + secret}),
			"half a signature": header(p.header, map[string]string{"X-Hub-Signature-256": "sha256=",
				"X-Hub-Signature":   "sha256=00",
				"X-Gitea-Signature": "x", "X-Gitlab-Token": secret[:5], "Authorization": "Basic x", "Webhook-Signature": "v1,"}),
		} {
			e, err := Read(p.kind, h, []byte(p.body), []string{secret, "another one"})
			var refused *Refusal
			if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized || e.Push {
				t.Errorf("%s %s with %s: %+v, %v", p.kind, p.name, what, e, err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("%s quotes the secret: %v", p.kind, err)
			}
		}
		if _, err := Read(p.kind, header(p.header, prove(p.kind, p.body, "")), []byte(p.body), nil); err == nil {
			t.Errorf("%s %s is taken by a hub without secrets", p.kind, p.name)
		}
	}
}

// TestDocumentedSignatures holds the check against the examples that the servers' documentation gives.
func TestDocumentedSignatures(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		from, body, secret string
		kind               Kind
		header             map[string]string
	}{
		{from: "docs.github.com, Validating webhook deliveries", kind: GitHub, body: "Hello, World!",
			secret: documented, header: map[string]string{
				"X-Hub-Signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
		{from: "support.atlassian.com, Secure webhooks", kind: Bitbucket, body: "Hello World!",
			secret: documented, header: map[string]string{
				"X-Hub-Signature": "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"}},
		{from: "standardwebhooks.com, which GitLab's signing token follows", kind: GitLab, body: `{"test": 2432232314}`,
			secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", header: map[string]string{
				"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330",
				"webhook-signature": "v2,x v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}},
	} {
		_, err := Read(x.kind, header(x.header), []byte(x.body), []string{x.secret})
		if err != nil {
			t.Errorf("%s: %v", x.from, err)
		}
		if _, err := Read(x.kind, header(x.header), []byte(x.body+"."), []string{x.secret}); err == nil {
			t.Errorf("%s: another body is taken", x.from)
		}
	}
}

func TestWhatIsNoPushIsNotLookedAt(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		kind   Kind
		header map[string]string
		body   string
		ping   bool
		status int // of a refusal; 0 for none
	}{
		{kind: GitHub, header: map[string]string{"X-GitHub-Event": "ping"}, body: `{"zen":"x","hook_id":1}`, ping: true},
		{kind: GitHub, header: map[string]string{"X-GitHub-Event": "issues"}, body: `{}`},
		{kind: GitHub, header: map[string]string{"X-GitHub-Event": "push"}, body: `{}`, status: 400},
		{kind: GitHub, header: map[string]string{"X-GitHub-Event": "push"}, body: ``, status: 400},
		{kind: GitHub, header: map[string]string{"X-GitHub-Event": "push"}, body: `[` + strings.Repeat(`[`, 20000),
			status: 400},
		{kind: GitHub, header: map[string]string{"X-GitHub-Event": "push"}, status: 400,
			body: `{"repository":{"clone_url":"https://x/` + strings.Repeat("a", 5000) + `"}}`},
		{kind: GitHub, header: map[string]string{"X-GitHub-Event": "push"}, body: `{"repository":{"clone_url":7}}`,
			status: 400},
		{kind: BitbucketServer, header: map[string]string{"X-Event-Key": "diagnostics:ping"}, body: `{"test":true}`,
			ping: true},
		{kind: GitLab, header: map[string]string{"X-Gitlab-Event": "System Hook"}, body: `{"event_name":"user_create"}`},
		{kind: Azure, body: `{"eventType":"workitem.created","resource":{}}`},
		{kind: Generic, header: map[string]string{"X-Drover-Event": "ping"}, ping: true},
		{kind: "sourceforge", body: `{}`, status: 404},
	} {
		e, err := Read(x.kind, header(x.header, prove(x.kind, x.body, secret)), []byte(x.body), []string{secret})
		status := 0
		var refused *Refusal
		if errors.As(err, &refused) {
			status = refused.Status
		}
		if e.Push && err == nil || e.Ping != x.ping || status != x.status {
			t.Errorf("%s %v %.60s: %+v, %v", x.kind, x.header, x.body, e, err)
		}
	}
}
