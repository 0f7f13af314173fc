module taskgroup.dev/examples/wordcount

go 1.19
