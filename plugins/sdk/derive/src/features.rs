//! `#[derive(Features)]`: the fields are grouped into one matrix per type, and read back column by column.

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{format_ident, quote};
use syn::{DeriveInput, Error, Lifetime, Result, parse_quote};

use crate::kind::{Kind, MATRICES, Matrix};
use crate::shape;

/// A field of the struct, and where it lies.
struct Column<'a> {
    ident: &'a Ident,
    name: String,
    kind: Kind,
}

/// A matrix that the struct needs, with its columns in the order of the fields.
struct Group<'a> {
    matrix: Matrix,
    columns: Vec<&'a Column<'a>>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let given = shape::lifetime(input)?;
    let columns = columns(input)?;
    let groups: Vec<Group<'_>> = MATRICES.iter().filter_map(|matrix| Group::of(*matrix, &columns)).collect();
    let lifetime: Lifetime = given.cloned().unwrap_or_else(|| parse_quote!('sandstream));
    let ident = &input.ident;
    let arguments = given.map(|lifetime| quote!(<#lifetime>));
    let kinds = groups.iter().map(|group| group.columns_type(&lifetime));
    let declared = groups.iter().map(Group::declared);
    let opened = groups.iter().enumerate().map(|(index, group)| group.opened(index));
    let cut = groups.iter().enumerate().filter_map(|(index, group)| group.cut(index));
    let whole = groups.iter().enumerate().filter_map(|(index, group)| group.whole(index));
    let rows = groups.iter().enumerate().map(|(index, group)| group.row(index));
    let fields = groups.iter().flat_map(Group::fields);
    Ok(quote! {
        #[automatically_derived]
        impl<#lifetime> ::sandstream_guest::row::Features<#lifetime> for #ident #arguments {
            type Columns = (#(#kinds,)*);

            fn declare(signature: ::sandstream_guest::Signature) -> ::sandstream_guest::Signature {
                signature #(#declared)*
            }

            fn columns(
                inputs: &::sandstream_guest::Inputs<#lifetime>,
            ) -> ::std::result::Result<Self::Columns, ::sandstream_guest::Error> {
                ::std::result::Result::Ok((#(#opened,)*))
            }

            #[inline]
            fn cut(columns: &mut Self::Columns, rows: usize) -> ::std::option::Option<()> {
                let _ = (&columns, rows);
                #(#cut)*
                ::std::option::Option::Some(())
            }

            #[inline]
            fn whole(columns: &Self::Columns) -> bool {
                let _ = columns;
                true #(&& #whole)*
            }

            #[inline]
            fn read<const WHOLE: bool>(
                columns: &mut Self::Columns,
                row: usize,
            ) -> ::std::result::Result<Self, ::sandstream_guest::Reject> {
                // All matrices go on by a row before any field can end the reading of this one.
                #(#rows)*
                ::std::result::Result::Ok(Self { #(#fields,)* })
            }
        }
    })
}

fn columns(input: &DeriveInput) -> Result<Vec<Column<'_>>> {
    let named = shape::fields(input, "field")?;
    let mut columns = Vec::with_capacity(named.len());
    for shape::Named { field, name } in named {
        let kind = Kind::of(&field.ty)?;
        kind.suits(&name).map_err(|what| Error::new_spanned(field, what))?;
        if let Some(ident) = &field.ident {
            columns.push(Column { ident, name, kind });
        }
    }
    Ok(columns)
}

impl<'a> Group<'a> {
    fn of(matrix: Matrix, columns: &'a [Column<'a>]) -> Option<Self> {
        let columns: Vec<_> = columns.iter().filter(|column| column.kind.matrix == matrix).collect();
        (!columns.is_empty()).then_some(Self { matrix, columns })
    }

    fn width(&self) -> Literal {
        Literal::usize_unsuffixed(self.columns.len())
    }

    /// Type of the matrix as it is read.
    fn columns_type(&self, lifetime: &Lifetime) -> TokenStream {
        let width = self.width();
        match self.matrix {
            Matrix::Float32 => quote!(&#lifetime [[f32; #width]]),
            Matrix::Float64 => quote!(&#lifetime [[f64; #width]]),
            Matrix::Int64 => quote!(&#lifetime [[i64; #width]]),
            Matrix::Text | Matrix::Bytes => quote!(::sandstream_guest::rt::Strings<#lifetime>),
        }
    }

    fn declared(&self) -> TokenStream {
        let (dtype, name) = (format_ident!("{}", self.dtype()), self.method());
        let fields = self.columns.iter().map(|column| &column.name);
        quote!(.input(#name, ::sandstream_guest::Dtype::#dtype, [#(#fields),*]))
    }

    fn opened(&self, index: usize) -> TokenStream {
        let (index, method, width) = (Literal::usize_unsuffixed(index), format_ident!("{}", self.method()), self.width());
        match self.matrix {
            Matrix::Text | Matrix::Bytes => {
                quote!(::sandstream_guest::rt::Strings::new(&inputs.#method(#index)?))
            }
            _ => quote!(inputs.#method(#index)?.arrays::<#width>()?),
        }
    }

    /// The matrix, if it is one of numbers, cut to the number of rows.
    fn cut(&self, index: usize) -> Option<TokenStream> {
        let index = Literal::usize_unsuffixed(index);
        let packed = matches!(self.matrix, Matrix::Text | Matrix::Bytes);
        (!packed).then(|| quote!(columns.#index = columns.#index.get(..rows)?;))
    }

    /// Whether nothing is missing that has to be there; only of floats, where asking once for all rows is quicker.
    fn whole(&self, index: usize) -> Option<TokenStream> {
        let needed: Vec<bool> = self.columns.iter().map(|column| !column.kind.optional).collect();
        let index = Literal::usize_unsuffixed(index);
        let floats = matches!(self.matrix, Matrix::Float32 | Matrix::Float64);
        if !floats || !needed.contains(&true) {
            return None;
        }
        Some(if needed.contains(&false) {
            quote!(::sandstream_guest::rt::whole_where(columns.#index, [#(#needed),*]))
        } else {
            quote!(::sandstream_guest::rt::whole(columns.#index))
        })
    }

    fn row(&self, index: usize) -> TokenStream {
        let (local, index, width) = (self.local(), Literal::usize_unsuffixed(index), self.width());
        match self.matrix {
            Matrix::Text => quote!(let #local = columns.#index.texts::<#width>();),
            Matrix::Bytes => quote!(let #local = columns.#index.bytes::<#width>();),
            _ => quote!(let #local = ::sandstream_guest::rt::row(columns.#index, row);),
        }
    }

    fn fields(&self) -> impl Iterator<Item = TokenStream> {
        let local = self.local();
        self.columns.iter().enumerate().map(move |(index, Column { ident, name, kind })| {
            let index = Literal::usize_unsuffixed(index);
            let floats = matches!(kind.matrix, Matrix::Float32 | Matrix::Float64);
            let owned = kind.owned.then(|| quote!(.map(::std::borrow::ToOwned::to_owned)));
            let value = match (floats, kind.optional) {
                (true, true) => quote!(::sandstream_guest::rt::known(#local[#index])),
                (true, false) => quote!(::sandstream_guest::rt::needed::<_, WHOLE>(#local[#index], #name)?),
                (false, _) if kind.matrix == Matrix::Int64 => quote!(#local[#index]),
                (false, true) => quote!(#local[#index] #owned),
                (false, false) => quote!(::sandstream_guest::rt::present(#local[#index] #owned, #name)?),
            };
            quote!(#ident: #value)
        })
    }

    fn local(&self) -> Ident {
        format_ident!("{}", self.method())
    }

    fn dtype(&self) -> &'static str {
        match self.matrix {
            Matrix::Float32 => "Float32",
            Matrix::Float64 => "Float64",
            Matrix::Int64 => "Int64",
            Matrix::Text => "Text",
            Matrix::Bytes => "Bytes",
        }
    }

    /// The method of `Inputs` that gives the matrix; the input is called so too.
    fn method(&self) -> &'static str {
        match self.matrix {
            Matrix::Float32 => "float32",
            Matrix::Float64 => "float64",
            Matrix::Int64 => "int64",
            Matrix::Text => "text",
            Matrix::Bytes => "bytes",
        }
    }
}
