// SPDX-License-Identifier: Apache-2.0

// Package words counts the words of a text.
package words

import (
	"bufio"
	"io"
	"sort"
	"strings"
	"unicode"
)

// Entry is a word and how often it occurs.
type Entry struct {
	Word  string
	Count int
}

// Count reads text to its end and returns how often each word occurs in it. Case is folded, and
// anything that is neither a letter nor a digit separates words.
func Count(text io.Reader) (map[string]int, error) {
	counts := make(map[string]int)
	lines := bufio.NewReader(text)
	for {
		line, err := lines.ReadString('\n')
		for _, word := range strings.FieldsFunc(line, separates) {
			counts[strings.ToLower(word)]++
		}
		if err == io.EOF {
			return counts, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Rank orders counts by frequency, the most frequent first, and words as frequent as each other
// by the alphabet.
func Rank(counts map[string]int) []Entry {
	entries := make([]Entry, 0, len(counts))
	for word, count := range counts {
		entries = append(entries, Entry{Word: word, Count: count})
	}
	sort.Slice(entries, func(i, j int) bool {
		if entries[i].Count != entries[j].Count {
			return entries[i].Count > entries[j].Count
		}
		return entries[i].Word < entries[j].Word
	})
	return entries
}

func separates(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
