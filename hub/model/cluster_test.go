package model

import "testing"

func TestAFolderThatCannotBeAClusterIsToBeRenamed(t *testing.T) {
	if err := CheckCluster("clusters/staging", "staging"); err != nil {
		t.Error(err)
	}
	err := CheckCluster("clusters/My_Cluster", "My_Cluster")
	const want = `clusters/My_Cluster: the name "My_Cluster" is no DNS label: use lower-case letters, digits and '-', ` +
		"beginning and ending with a letter or digit; rename the folder"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
