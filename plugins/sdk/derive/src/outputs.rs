//! `#[derive(Outputs)]`: one output for each field. What a field's type gives is left to the trait `Value`, so any way to write
//! the type will do.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Error, Result};

use crate::shape;

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if let Some(param) = input.generics.params.first() {
        return Err(Error::new_spanned(param, "an answer outlives its batch: own what it holds, without generic parameters"));
    }
    let fields = shape::fields(input, "output")?;
    let ident = &input.ident;
    // With the type's own place, so that the compiler says there what a type that is no `Value` lacks.
    let value = |named: &shape::Named<'_>| {
        let written = &named.field.ty;
        quote_spanned!(written.span()=> <#written as ::sandstream_guest::row::Value>)
    };
    let kinds = fields.iter().map(|named| {
        let value = value(named);
        quote!(#value::Column)
    });
    let declared = fields.iter().map(|named| {
        let (value, name) = (value(named), &named.name);
        quote!(.output(#name, #value::DTYPE, #value::WIDTH))
    });
    let made = fields.iter().map(|named| {
        let value = value(named);
        quote!(#value::column(rows))
    });
    let indices: Vec<_> = (0..fields.len()).map(Literal::usize_unsuffixed).collect();
    let put = fields.iter().zip(&indices).map(|(named, index)| {
        let (value, field) = (value(named), &named.field.ident);
        quote!(#value::put(self.#field, row, &mut columns.#index);)
    });
    let skipped = fields.iter().zip(&indices).map(|(named, index)| {
        let value = value(named);
        quote!(#value::skip(&mut columns.#index);)
    });
    let given = fields.iter().zip(&indices).map(|(named, index)| {
        let value = value(named);
        quote!(let scores = #value::give(columns.#index, scores);)
    });
    Ok(quote! {
        #[automatically_derived]
        impl ::sandstream_guest::row::Outputs for #ident {
            type Columns = (#(#kinds,)*);

            fn declare(signature: ::sandstream_guest::Signature) -> ::sandstream_guest::Signature {
                signature #(#declared)*
            }

            #[inline]
            fn columns(rows: usize) -> Self::Columns {
                (#(#made,)*)
            }

            #[inline]
            fn put(self, row: usize, columns: &mut Self::Columns) {
                #(#put)*
            }

            fn skip(columns: &mut Self::Columns) {
                #(#skipped)*
            }

            #[inline]
            fn give(columns: Self::Columns) -> ::sandstream_guest::Scores {
                let scores = ::sandstream_guest::Scores::new();
                #(#given)*
                scores
            }
        }
    })
}
