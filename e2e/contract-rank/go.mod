module srdit.dev/e2e/contract-rank

go 1.24
