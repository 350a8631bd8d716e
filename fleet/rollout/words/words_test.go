package words

import "testing"

func TestWhatIsSaid(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		Approvals(nil, 1, 1):                    "waits for approval",
		Approvals([]string{"sre", "dba"}, 2, 2): "waits for 2 approvals by dba or sre",
		Approvals([]string{"sre"}, 1, 2):        "waits for approval by sre (1 of 2)",
		Clusters(1):                             "1 cluster",
		Clusters(0):                             "0 clusters",
		Clusters(2):                             "2 clusters",
	} {
		if got != want {
			t.Errorf("it says %q, want %q", got, want)
		}
	}
}
