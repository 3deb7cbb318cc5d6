//! Optimal assignment of rows to columns: who is who, at the least total cost.
//!
//! Theory of operation. A pair is *admissible* when its cost lies below a limit, and leaving a row
//! without a partner costs exactly that limit, so a dear pair is never forced only to pair more.
//! Rows and columns that have nobody but each other are paired at once (in a doorway that is
//! nearly everyone); what remains goes through the shortest augmenting path algorithm
//! (R. Jonker, A. Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
//! assignment problems", Computing 38, 1987; without its start-up heuristics), cubic in the number
//! of contested rows. Ties fall to the lower row, then the lower column: tracks come in order of id.
//!
//! It does not know what a cost means, and allocates nothing once its buffers have grown.

/// Says that a row or column has no partner.
const NOBODY: usize = usize::MAX;

/// A reusable solver.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    /// Partner column of each row.
    partners: Vec<Option<usize>>,
    /// Admissible pairs of each row and of each column.
    row_degrees: Vec<usize>,
    column_degrees: Vec<usize>,
    /// Rows and columns that several pairs contest, by index into the caller's matrix.
    contested_rows: Vec<usize>,
    contested_columns: Vec<usize>,
    path: AugmentingPath,
}

/// Buffers of the augmenting path search; index 0 is a sentinel, real entries start at 1.
#[derive(Debug, Clone, Default)]
struct AugmentingPath {
    row_potentials: Vec<f64>,
    column_potentials: Vec<f64>,
    row_of_column: Vec<usize>,
    previous_column: Vec<usize>,
    least: Vec<f64>,
    visited: Vec<bool>,
}

impl Assignment {
    /// Pairs rows with columns of the row-major matrix `costs` (`rows` x `columns`) so that the sum
    /// of the costs of all pairs, plus `limit` for each row or column that could have had a partner
    /// and has none, is least. Entries at or above `limit`, or not a number, are never paired.
    /// The answer has one entry a row.
    pub fn solve(
        &mut self,
        costs: &[f64],
        rows: usize,
        columns: usize,
        limit: f64,
    ) -> &[Option<usize>] {
        debug_assert_eq!(costs.len(), rows * columns, "a matrix of rows x columns");
        self.partners.clear();
        self.partners.resize(rows, None);
        if columns == 0 || costs.len() != rows * columns {
            return &self.partners;
        }
        self.count_degrees(costs, columns, limit);
        self.pair_the_uncontested(costs, columns, limit);
        if !self.contested_rows.is_empty() {
            self.pair_the_contested(costs, columns, limit);
        }
        &self.partners
    }

    fn count_degrees(&mut self, costs: &[f64], columns: usize, limit: f64) {
        self.row_degrees.clear();
        self.row_degrees.resize(self.partners.len(), 0);
        self.column_degrees.clear();
        self.column_degrees.resize(columns, 0);
        for (row, line) in costs.chunks_exact(columns).enumerate() {
            for (column, cost) in line.iter().enumerate() {
                if *cost < limit {
                    self.row_degrees[row] += 1;
                    self.column_degrees[column] += 1;
                }
            }
        }
    }

    fn pair_the_uncontested(&mut self, costs: &[f64], columns: usize, limit: f64) {
        self.contested_rows.clear();
        self.contested_columns.clear();
        for (row, line) in costs.chunks_exact(columns).enumerate() {
            match self.row_degrees[row] {
                0 => continue,
                1 => {
                    let only = line.iter().position(|cost| *cost < limit);
                    if let Some(column) = only.filter(|&c| self.column_degrees[c] == 1) {
                        self.partners[row] = Some(column);
                        self.column_degrees[column] = 0;
                        continue;
                    }
                }
                _ => {}
            }
            self.contested_rows.push(row);
        }
        let contested = (0..columns).filter(|&column| self.column_degrees[column] > 0);
        self.contested_columns.extend(contested);
    }

    fn pair_the_contested(&mut self, costs: &[f64], columns: usize, limit: f64) {
        let Self {
            partners,
            contested_rows: rows,
            contested_columns: cols,
            path,
            ..
        } = self;
        let cost = |row: usize, column: usize| {
            let cost = costs[rows[row] * columns + cols[column]];
            if cost < limit { cost } else { limit }
        };
        // The search wants at least as many columns as rows.
        if rows.len() <= cols.len() {
            path.solve(rows.len(), cols.len(), cost);
            for (column, &partner) in cols.iter().enumerate() {
                let row = path.row_of(column);
                if row != NOBODY && cost(row, column) < limit {
                    partners[rows[row]] = Some(partner);
                }
            }
        } else {
            path.solve(cols.len(), rows.len(), |row, column| cost(column, row));
            for (row, &to) in rows.iter().enumerate() {
                let column = path.row_of(row);
                if column != NOBODY && cost(row, column) < limit {
                    partners[to] = Some(cols[column]);
                }
            }
        }
    }
}

impl AugmentingPath {
    /// Finds for every row a column, `rows <= columns`.
    fn solve(&mut self, rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) {
        self.row_potentials.clear();
        self.row_potentials.resize(rows + 1, 0.0);
        self.column_potentials.clear();
        self.column_potentials.resize(columns + 1, 0.0);
        self.row_of_column.clear();
        self.row_of_column.resize(columns + 1, 0);
        self.previous_column.clear();
        self.previous_column.resize(columns + 1, 0);
        for row in 1..=rows {
            self.augment(row, columns, &cost);
        }
    }

    /// The row paired with `column`, both counted from 0.
    fn row_of(&self, column: usize) -> usize {
        match self.row_of_column[column + 1] {
            0 => NOBODY,
            row => row - 1,
        }
    }

    /// Brings `row` into the matching along the cheapest alternating path.
    fn augment(&mut self, row: usize, columns: usize, cost: &impl Fn(usize, usize) -> f64) {
        self.least.clear();
        self.least.resize(columns + 1, f64::INFINITY);
        self.visited.clear();
        self.visited.resize(columns + 1, false);
        self.row_of_column[0] = row;
        let mut column = 0;
        while self.row_of_column[column] != 0 {
            self.visited[column] = true;
            let from = self.row_of_column[column];
            let mut step = f64::INFINITY;
            let mut next = 0;
            for candidate in 1..=columns {
                if self.visited[candidate] {
                    continue;
                }
                let reduced = cost(from - 1, candidate - 1)
                    - self.row_potentials[from]
                    - self.column_potentials[candidate];
                if reduced < self.least[candidate] {
                    self.least[candidate] = reduced;
                    self.previous_column[candidate] = column;
                }
                if self.least[candidate] < step {
                    step = self.least[candidate];
                    next = candidate;
                }
            }
            if next == 0 {
                return; // Costs that are not finite: leave the row alone.
            }
            for candidate in 0..=columns {
                if self.visited[candidate] {
                    self.row_potentials[self.row_of_column[candidate]] += step;
                    self.column_potentials[candidate] -= step;
                } else {
                    self.least[candidate] -= step;
                }
            }
            column = next;
        }
        while column != 0 {
            let previous = self.previous_column[column];
            self.row_of_column[column] = self.row_of_column[previous];
            column = previous;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(costs: &[&[f64]], limit: f64, expect: &[Option<usize>]) {
        let columns = costs.first().map_or(0, |row| row.len());
        let flat: Vec<f64> = costs.iter().flat_map(|row| row.iter().copied()).collect();
        let mut solver = Assignment::default();
        assert_eq!(solver.solve(&flat, costs.len(), columns, limit), expect);
    }

    #[test]
    fn pairs_at_the_least_total_cost() {
        check(&[], 1.0, &[]);
        check(&[&[], &[]], 1.0, &[None, None]);
        check(&[&[0.1, 0.9], &[0.9, 0.1]], 1.0, &[Some(0), Some(1)]);
        // The greedy choice (row 0 takes column 0) would cost more in all.
        check(&[&[0.1, 0.2], &[0.1, 0.9]], 1.0, &[Some(1), Some(0)]);
        // More rows than columns, and the other way round.
        check(&[&[0.5], &[0.4], &[0.6]], 1.0, &[None, Some(0), None]);
        check(&[&[0.5, 0.4, 0.6]], 1.0, &[Some(1)]);
    }

    #[test]
    fn limit_keeps_dear_pairs_apart() {
        check(&[&[1.0]], 1.0, &[None]);
        check(&[&[f64::NAN, f64::INFINITY]], 1.0, &[None]);
        // Pairing both rows (0.99 + 0.5) costs more than leaving the second alone (0.1 + 1.0).
        check(&[&[0.1, 0.99], &[0.5, 2.0]], 1.0, &[Some(0), None]);
    }

    #[test]
    fn ties_fall_to_the_lower_row() {
        check(&[&[0.5], &[0.5]], 1.0, &[Some(0), None]);
        check(&[&[0.5, 0.5], &[0.5, 0.5]], 1.0, &[Some(0), Some(1)]);
    }

    /// The least total by trying everything.
    fn brute_force(costs: &[f64], rows: usize, columns: usize, row: usize, used: u32) -> f64 {
        if row == rows {
            return 0.0;
        }
        let alone = brute_force(costs, rows, columns, row + 1, used);
        (0..columns)
            .filter(|&column| used & (1 << column) == 0 && costs[row * columns + column] < 1.0)
            .map(|column| {
                let rest = brute_force(costs, rows, columns, row + 1, used | (1 << column));
                costs[row * columns + column] - 1.0 + rest
            })
            .fold(alone, f64::min)
    }

    proptest! {
        #[test]
        fn agrees_with_trying_everything(
            rows in 0_usize..6,
            columns in 0_usize..6,
            costs in proptest::collection::vec(-1.0_f64..1.6, 36),
        ) {
            let costs = &costs[..rows * columns];
            let mut solver = Assignment::default();
            let partners = solver.solve(costs, rows, columns, 1.0);
            let mut used = vec![false; columns];
            let mut total = 0.0;
            for (row, partner) in partners.iter().enumerate() {
                if let Some(column) = *partner {
                    prop_assert!(!used[column], "column {column} given twice");
                    used[column] = true;
                    total += costs[row * columns + column] - 1.0;
                }
            }
            let best = brute_force(costs, rows, columns, 0, 0);
            prop_assert!((total - best).abs() < 1e-9, "{total} is not {best}");
        }
    }
}
