// SPDX-License-Identifier: Apache-2.0

// Wordcount prints how often each word of its standard input occurs, most frequent first.
package main

import (
	"flag"
	"fmt"
	"os"

	"taskgroup.dev/examples/wordcount/words"
)

func main() {
	top := flag.Int("top", 0, "print only the `n` most frequent words; 0 prints all of them")
	flag.Parse()

	counts, err := words.Count(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, "wordcount:", err)
		os.Exit(1)
	}
	ranked := words.Rank(counts)
	if *top > 0 && *top < len(ranked) {
		ranked = ranked[:*top]
	}
	for _, entry := range ranked {
		fmt.Printf("%7d %s\n", entry.Count, entry.Word)
	}
}
