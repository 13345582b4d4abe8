//! Linear least squares with a ridge, through the normal equations in double precision.

/// The normal equations of centred columns and a centred target.
#[derive(Clone, Debug)]
pub(super) struct Normal {
    /// Σ xᵢxⱼ, row-major `[columns, columns]`; only the lower triangle counts.
    pub gram: Vec<f64>,
    /// Σ xᵢy.
    pub moment: Vec<f64>,
}

impl Normal {
    /// Σ over the rows of `x` (row-major, as many columns as there are `rows` in it) and `y`.
    pub(super) fn of_rows(x: &[f64], y: &[f64]) -> Self {
        let columns = x.len() / y.len().max(1);
        let mut normal = Self { gram: vec![0.0; columns * columns], moment: vec![0.0; columns] };
        for (row, y) in x.chunks_exact(columns.max(1)).zip(y) {
            for (i, x) in row.iter().enumerate() {
                normal.moment[i] += x * y;
                add_scaled(&mut normal.gram[i * columns..=i * columns + i], *x, &row[..=i]);
            }
        }
        normal
    }

    /// The coefficients that minimise Σ(y − xβ)² + ridge·Σβ², by Cholesky's factorisation; `None`
    /// when the ridge is too small to make the matrix positive definite.
    pub(super) fn solve(&self, ridge: f64) -> Option<Vec<f64>> {
        let columns = self.moment.len();
        let mut factor = self.gram.clone();
        for i in 0..columns {
            factor[i * columns + i] += ridge;
        }
        for i in 0..columns {
            let (above, row) = factor.split_at_mut(i * columns);
            for j in 0..i {
                let other = &above[j * columns..=j * columns + j];
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let square = row[i] - dot(&row[..i], &row[..i]);
            if !(square > 0.0 && square.is_finite()) {
                return None;
            }
            row[i] = square.sqrt();
        }
        let mut solution = self.moment.clone();
        for i in 0..columns {
            let row = &factor[i * columns..=i * columns + i];
            solution[i] = (solution[i] - dot(&row[..i], &solution[..i])) / row[i];
        }
        for i in (0..columns).rev() {
            let row = &factor[i * columns..=i * columns + i];
            solution[i] /= row[i];
            let solved = solution[i];
            add_scaled(&mut solution[..i], -solved, &row[..i]);
        }
        Some(solution)
    }
}

/// `sum += scale · values`.
pub(super) fn add_scaled(sum: &mut [f64], scale: f64, values: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(values) {
        *sum += scale * value;
    }
}

/// Σ aᵢbᵢ in eight partial sums: one chain of additions would wait for each.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::super::testing::uniforms;
    use super::*;

    #[test]
    fn least_squares_recovers_the_coefficients() {
        let x = uniforms(200 * 11, 7);
        let truth: Vec<f64> = (0..11).map(|i| f64::from(i) - 4.5).collect();
        let y: Vec<f64> = x.chunks_exact(11).map(|row| dot(row, &truth)).collect();
        let solved = Normal::of_rows(&x, &y).solve(0.0).unwrap();
        assert!(solved.iter().zip(&truth).all(|(a, b)| (a - b).abs() < 1e-12), "{solved:?}");
    }

    #[test]
    fn a_ridge_shrinks_and_settles_equal_columns() {
        // Two equal columns of sum of squares 4: β = 2·moment share / (4 + 4 + ridge).
        let normal =
            Normal::of_rows(&[1.0, 1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0], &[3.0, -3.0, 3.0, -3.0]);
        assert_eq!(normal.solve(0.0), None);
        let solved = normal.solve(4.0).unwrap();
        assert!(solved.iter().all(|beta| (beta - 1.0).abs() < 1e-15), "{solved:?}");
    }
}
